"""The commands `sma masks`, `sma data list` and `sma data inspect`."""
