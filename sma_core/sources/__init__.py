"""Resolve ``--data`` to files, readers and columns."""
