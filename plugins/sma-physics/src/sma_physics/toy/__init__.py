"""A toy of the HIGGS data set: simulated events of the same search, made on any machine in seconds.

It is a toy: partons without radiation or hadrons, flat decays, Gaussian smearing. It has the signal, the
background, the selection and the 28 features of Baldi, Sadowski and Whiteson 2014 (arXiv 1402.4735), so it
tries out everything that the real rows are used for; figures measured on it say nothing about HIGGS.

    constants   masses, widths, resolutions, cuts, and where they come from
    draws       random numbers that are the same with every version of numpy
    kinematics  four-momenta, decays
    processes   signal and background, down to partons
    detector    what is measured of the partons, and which events are kept
    features    the 28 numbers of an event
    events      labelled blocks of events for a seed
    files       blocks written to a file; the set that ships

`python -m sma_physics.toy OUT --events N --seed S` writes a file.
"""
