"""Fixtures of the tests of plugins that only look installed."""

from tests.support.installer import install

__all__ = ["install"]
