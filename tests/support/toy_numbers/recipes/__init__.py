"""Recipes of the toy domain."""
