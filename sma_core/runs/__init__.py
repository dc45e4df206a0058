"""Start and resume runs: the run folder, its settings, where it came from, and the results of verbs."""
