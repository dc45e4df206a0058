"""Recipes for pictures, one TOML file each."""
