"""Learning-rate schedules, one module for each, and the warm-up that all share."""
