"""The commands `sma benchmark` and `sma probe`."""
