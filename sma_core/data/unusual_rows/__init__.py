"""Sentences on rows that are unusual: truncated, unlike the training rows, or with fill values."""
