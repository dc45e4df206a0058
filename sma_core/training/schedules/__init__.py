"""Learning-rate schedules, one per module, and the warm-up that precedes all of them."""
