"""Suites for `sma benchmark series:NAME`, one TOML file each."""
