"""Typer application: one file a verb; maps options to a config and calls the verb."""
