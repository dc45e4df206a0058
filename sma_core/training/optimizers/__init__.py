"""Optimisers, one per module; parameter groups, and optimiser state as named tensors."""
