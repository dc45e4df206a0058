"""All tests of the plugin share one cache of their own, and the fixture that runs the program."""

import pytest

from tests.support.fixtures import run_sma

__all__ = ["run_sma"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("SMA_REPORT", "off")  # of sma-view: takes seconds for each run
