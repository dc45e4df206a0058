"""Masking strategies: how positions to hide are chosen, one module for each."""
