"""Recipes of the domain ``text``."""
