"""Readers of event files: HDF5 (extra ``hdf5``), ROOT (extra ``root``) and lists from the hub.

All implement `sma_core.data.blocks.BlockReader`: they yield blocks of bounded size in file order.
"""
