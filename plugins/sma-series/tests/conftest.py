"""All tests of the plugin share one cache of their own, so that the toy is made once and no user's is touched."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("SMA_REPORT", "off")  # of sma-view: takes seconds for each run
