"""The checks of the plugin contract, one module for each part of a plugin."""
