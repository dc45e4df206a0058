"""General recipes for rows of numbers."""
