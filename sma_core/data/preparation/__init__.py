"""Prepare files once: read, check and tokenize rows, and cache the result for later runs."""
