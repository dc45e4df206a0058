"""Checkpoint folders: written atomically, verified by checksums, readable across format versions."""
