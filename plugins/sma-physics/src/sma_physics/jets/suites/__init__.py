"""Suites for `sma benchmark jets:NAME`, one TOML file each."""
