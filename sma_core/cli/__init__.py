"""Typer application: one file a verb; maps options to settings and calls the verb.

Nothing heavy is imported here or in the files beside: a verb's code comes in when the verb runs.
"""

from sma_core.cli.app import main

__all__ = ["main"]
