"""Fixtures that these tests share with those of the core."""

from tests.support.fixtures import memory, numbers, own_cache, run_sma, toy, web

__all__ = ["memory", "numbers", "own_cache", "run_sma", "toy", "web"]
