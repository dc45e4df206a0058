"""Reconstruction losses, one module for each, and the table of those that are built in."""
