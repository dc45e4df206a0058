"""From what the user typed after ``--data`` to files, readers, columns and prepared rows."""
