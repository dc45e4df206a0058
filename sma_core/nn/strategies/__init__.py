"""Masking strategies, one per module."""
