"""Readers of the formats that events come in: HDF5 (extra ``hdf5``), ROOT (extra ``root``), lists from the hub.

Each answers `sma_core.data.blocks.BlockReader`: it streams blocks of bounded size, in the file's order.
"""
