"""Protein domain for sma: sequence file readers and check, TAPE and FLIP tasks, recipes."""
