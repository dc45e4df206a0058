"""Inspect data sets, and draw the masks of a pre-trained run."""
