"""Collision events for sma: HIGGS, a toy of it that ships, readers of HDF5 and ROOT, label-poor splits."""
