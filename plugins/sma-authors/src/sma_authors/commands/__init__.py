"""The commands `sma import authors`, `sma export authors` and `sma parity`."""
