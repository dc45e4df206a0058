"""Look at data and masks: inspection of data sets, and pictures and pages of what a mask hides."""
