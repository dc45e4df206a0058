"""Suites of the toy domain."""
