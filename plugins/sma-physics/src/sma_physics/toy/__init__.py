"""Fast simulation of a toy version of the HIGGS data set.

The simulation has the signal, background, selection and 28 features of Baldi, Sadowski and Whiteson 2014 (arXiv
1402.4735), but is strongly simplified: partons without radiation or hadronization, isotropic decays, Gaussian
smearing. Results on it are not comparable with results on HIGGS.

    constants   masses, widths, resolutions and cuts, with sources
    draws       random numbers that do not depend on the numpy version
    kinematics  four-momenta and decays
    processes   signal and background processes at parton level
    detector    detector response and event selection
    features    the 28 features of an event
    events      labelled blocks of events for a seed
    files       files of events, and the default data set

`python -m sma_physics.toy OUT --events N --seed S` writes a file.
"""
