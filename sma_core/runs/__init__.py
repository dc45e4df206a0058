"""Start and resume runs: run folder, settings, provenance, and results."""
