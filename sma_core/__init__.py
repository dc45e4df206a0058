"""Self-guided masked autoencoders for data of any domain (arXiv 2402.14789)."""
