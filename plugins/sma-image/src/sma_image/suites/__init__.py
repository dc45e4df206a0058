"""Suites for `sma benchmark image:NAME`, one TOML file each."""
