"""Optimisers, one module for each; their parameter groups, and their state as named tensors."""
