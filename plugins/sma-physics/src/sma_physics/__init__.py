"""Physics domain for sma: HIGGS and a simulated toy set, readers of HDF5 and ROOT, few-label splits."""
