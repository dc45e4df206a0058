"""Plugin for text: raw bytes, documents, docstrings of the standard library, tasks, recipes."""
