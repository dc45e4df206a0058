"""Where a run computes: device, precision, and the ranks that train one model together."""
