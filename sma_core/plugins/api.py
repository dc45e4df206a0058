"""Whether a plugin was made for a version of the contract that this core has.

The major version must be ours. A plugin for a newer minor version is taken with a warning: nothing it shares with
us has changed, but it may give what we do not ask for.
"""

from __future__ import annotations

import re
from typing import Literal

from sma_core.errors import IncompatiblePluginError, PluginError
from sma_core.plugins.specs import API_VERSION

Fit = Literal["fits", "newer", "incompatible"]

_VERSION = re.compile(r"(\d+)\.(\d+)")
_KEYWORD = re.compile(r"sma-api-(\d+\.\d+)")


def declared_api(keywords: str | None) -> str:
    """Return the version that a package's keywords declare, as ``sma-api-1.2`` does; empty where none does."""
    found = (_KEYWORD.fullmatch(word) for word in re.split(r"[,\s]+", keywords or ""))
    return next((match[1] for match in found if match), "")


def api_fit(version: str) -> Fit:
    """Say how ``version`` and ours go together; raises `ValueError` when it is no version."""
    theirs, ours = _parts(version), _parts(API_VERSION)
    if theirs[0] != ours[0]:
        return "incompatible"
    return "newer" if theirs > ours else "fits"


def misfit(version: str, package: str) -> str:
    """Say of a ``package`` made for ``version`` what that means, and which of the two to upgrade."""
    said = f"made for plugin API {version}, this sma-core has {API_VERSION}"
    if _parts(version) < _parts(API_VERSION):
        return f"{said}: upgrade the plugin with pip install --upgrade {package}"
    if api_fit(version) == "newer":
        return f"{said}: what it gives beyond that is not used; pip install --upgrade sma-core"
    return f"{said}: upgrade it with pip install --upgrade sma-core"


def check_api(version: str, provider: str) -> None:
    """Look at what ``provider``, a package and its version, was made for.

    Raise `IncompatiblePluginError` for another major version, `PluginError` for what is no version.
    """
    try:
        fit = api_fit(version)
    except (ValueError, TypeError):
        raise PluginError(
            f"{provider} declares the API version {version!r}; it must look like {API_VERSION!r}"
        ) from None
    if fit == "incompatible":
        raise IncompatiblePluginError(f"{provider} was {misfit(version, provider.partition(' ')[0])}")


def _parts(version: str) -> tuple[int, int]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    return int(match[1]), int(match[2])
