"""Write predictions, vectors and model cards to files."""
