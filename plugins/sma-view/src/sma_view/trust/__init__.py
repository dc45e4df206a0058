"""Whether to trust a prediction: intervals, calibrated probabilities, familiarity, and neighbours of rows."""
