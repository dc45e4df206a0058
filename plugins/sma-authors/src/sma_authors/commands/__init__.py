"""Commands for checkpoints of the authors' implementation."""
