"""Suites for `sma benchmark`: tiny, small and paper."""
