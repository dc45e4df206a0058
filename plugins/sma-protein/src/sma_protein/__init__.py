"""Proteins for sma: readers of sequence files and their check, TAPE and FLIP tasks, recipes."""
