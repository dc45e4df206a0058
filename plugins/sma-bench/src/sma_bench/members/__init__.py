"""Several fine-tunings of one task: folds of a cross-validation, members of an ensemble, trials of a search."""
