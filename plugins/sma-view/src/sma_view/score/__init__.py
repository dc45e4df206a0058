"""Scores of rows, and of substitutions, by the reconstruction of a pre-trained model; no labels are needed."""
