"""Nothing here may touch the network."""

import socket
import sys

import pytest


@pytest.fixture(autouse=True, scope="session")
def offline(tmp_path_factory):
    """The hub's libraries are offline, with caches of their own; set before they are imported."""
    with pytest.MonkeyPatch.context() as patch:
        home = str(tmp_path_factory.mktemp("hub-home"))
        for name, value in {"HF_HUB_OFFLINE": "1", "HF_HOME": home, "HF_DATASETS_CACHE": f"{home}/sets"}.items():
            patch.setenv(name, value)
        for module in ("huggingface_hub.constants", "datasets.config"):
            if (
                module in sys.modules
            ):  # an earlier test may have imported it, which is when it reads the environment
                patch.setattr(f"{module}.HF_HUB_OFFLINE", True, raising=False)
        yield


@pytest.fixture(autouse=True)
def no_connection(monkeypatch):
    """A connection is a failure that nothing catches as an ordinary error."""

    def refuse(*_):
        pytest.fail("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
