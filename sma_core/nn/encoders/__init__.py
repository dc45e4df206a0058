"""Encoders, one per module, and the table of built-in ones."""
