"""Fixtures that tests of the core and of plugins share: toy domains that look installed, their own cache."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

SUPPORT = Path(__file__).parent

settings.register_profile("few", max_examples=30, deadline=None)
settings.register_profile("full", max_examples=200, deadline=None)
settings.load_profile("few")  # --hypothesis-profile takes another


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep prepared stores out of the user's cache, and settings out of the environment."""
    monkeypatch.setenv("SMA_CACHE", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setenv("SMA_REPORT", "off")  # of sma-view: a report of each run takes seconds
    for name in [name for name in os.environ if name.startswith("SMA_") and "__" in name]:
        monkeypatch.delenv(name)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> str:
    """Install the toy domain for this process and the ones it starts; return its name."""
    monkeypatch.syspath_prepend(str(SUPPORT))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")]))
    return "toy"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for runs that several tests of a module only read."""
    return tmp_path_factory.mktemp("shared")


@pytest.fixture
def numbers(toy: str) -> str:
    """Install the toy domains; return the name of the continuous one."""
    return "toy-numbers"


@pytest.fixture
def run_sma(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]):
    """Return a function that runs the program in this process, in an empty folder, and gives what came out."""
    from sma_core.cli import main

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        status = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        printed = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, status, printed.out, printed.err)

    return run


@pytest.fixture
def memory() -> Iterator[Any]:
    """fsspec's files in memory, empty before and after."""
    fs = pytest.importorskip("fsspec").filesystem("memory")
    fs.rm("/", recursive=True)
    yield fs
    fs.rm("/", recursive=True)


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A server of the web on this machine, that no proxy stands before."""
    from tests.data.web_for_tests import WebServer

    pytest.importorskip("aiohttp")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = WebServer()
    yield server
    server.stop()
