"""Fixtures of all tests of the core."""

from tests.support.fixtures import memory, numbers, own_cache, run_sma, shared, toy, web

__all__ = ["memory", "numbers", "own_cache", "run_sma", "shared", "toy", "web"]
