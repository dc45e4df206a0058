"""Fixtures that these tests share with those of the core."""

from tests.support.fixtures import memory, numbers, own_cache, run_sma, shared, toy, web
from tests.support.installer import install

__all__ = ["install", "memory", "numbers", "own_cache", "run_sma", "shared", "toy", "web"]
