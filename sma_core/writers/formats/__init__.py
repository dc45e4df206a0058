"""Formats of tables, one module for each: context managers ``format(path, suffix)`` of a `TableWriter`."""
