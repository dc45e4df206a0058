"""Find the built-in part of the network that a setting names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from sma_core.errors import ConfigError

T = TypeVar("T")


def find_built_in(members: Mapping[str, T], setting: str, name: str) -> T:
    """Return the member ``name``; raises `ConfigError`, which lists all, if ``setting`` names none of them."""
    if name not in members:
        raise ConfigError(
            f"{setting} {name!r} is not built in (built-in: {', '.join(members)}): pass what the plugin of that "
            "name provides"
        )
    return members[name]
