"""Commands that installed packages add to the program: their list, and how one is imported."""
