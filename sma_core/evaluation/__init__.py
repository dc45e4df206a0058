"""Metrics and splits of labelled data."""
