"""Prepare files once: read, check and tokenize rows, and keep the result for later runs."""
