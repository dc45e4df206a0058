"""Observers of a run: progress, the metrics file and TensorBoard."""
