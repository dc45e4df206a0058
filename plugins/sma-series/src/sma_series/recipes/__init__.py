"""Settings of `sma train` and `sma finetune` by size."""
