"""Checkpoint folders: written whole, verified by checksums, readable across format versions."""
