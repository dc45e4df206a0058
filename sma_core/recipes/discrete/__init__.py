"""General recipes for rows of text."""
