"""Damaged and random inputs for everything that reads files or settings of users."""
