"""A continuous toy domain for tests."""
