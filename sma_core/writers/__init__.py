"""Write results to files: tables of predictions, vectors, and the model card."""
