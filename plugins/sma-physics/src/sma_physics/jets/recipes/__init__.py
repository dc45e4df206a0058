"""Recipes for jets, one TOML file each."""
