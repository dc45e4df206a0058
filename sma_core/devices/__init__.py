"""Device, precision, and distributed training."""
