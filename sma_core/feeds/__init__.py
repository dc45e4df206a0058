"""Feeds: how rows of text or rows of numbers become what a network reads, behind one protocol."""
