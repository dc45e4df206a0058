"""The commands `sma plugins new` and `sma plugins check`."""
