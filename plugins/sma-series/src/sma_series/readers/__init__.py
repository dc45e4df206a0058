"""Readers of files of time series; each yields blocks of sequences."""
