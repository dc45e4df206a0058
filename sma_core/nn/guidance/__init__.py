"""How attention guides masks: importance, numbers of positions, and measures of what is hidden."""
