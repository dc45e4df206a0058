"""A domain for tests: words made of syllables."""
