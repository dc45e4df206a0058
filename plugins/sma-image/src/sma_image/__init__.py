"""Pictures as rows of pixels, for sma."""
