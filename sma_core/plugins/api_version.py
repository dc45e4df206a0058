"""Versions of the plugin API: compatibility of plugins, and deprecation of fields and hooks.

The major versions of plugin and core must be equal. A plugin made for a newer minor version is loaded with a
warning: everything it shares with this core is unchanged, but features of the newer version are ignored.

Deprecated features keep working until the next major version. Declare a deprecated field of a spec with
`deprecated_field`, a deprecated hook with ``@hookspec(warn_on_impl=PluginDeprecationWarning(...))``. Using one
emits a `PluginDeprecationWarning`, which Python shows in tests but not in programs; ``sma plugins doctor`` lists
them.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import Field, field, fields
from typing import Any, Literal

from sma_core.errors import IncompatiblePluginError, PluginError

API_VERSION = "1.4"
"""Version of the plugin API, ``major.minor``. A plugin made for another major version is refused."""
DEPRECATED = "deprecated"
Fit = Literal["fits", "newer", "incompatible"]

_VERSION = re.compile(r"(\d+)\.(\d+)")
_KEYWORD = re.compile(r"sma-api-(\d+\.\d+)")


class PluginDeprecationWarning(DeprecationWarning):
    """A plugin uses a feature that the next major version of the plugin API removes."""


def declared_api(keywords: str | None) -> str:
    """Return the API version declared in a package's keywords (``sma-api-1.2``), or an empty string."""
    matches = (_KEYWORD.fullmatch(word) for word in re.split(r"[,\s]+", keywords or ""))
    return next((match[1] for match in matches if match), "")


def api_fit(version: str) -> Fit:
    """Compare ``version`` with `API_VERSION`; raises `ValueError` when it is malformed."""
    theirs, ours = _parts(version), _parts(API_VERSION)
    if theirs[0] != ours[0]:
        return "incompatible"
    return "newer" if theirs > ours else "fits"


def misfit(version: str, package: str) -> str:
    """Explain what it means that ``package`` was made for ``version``, and which package to upgrade."""
    mismatch = f"made for plugin API {version}, this sma-core has {API_VERSION}"
    if _parts(version) < _parts(API_VERSION):
        return f"{mismatch}: upgrade the plugin with pip install --upgrade {package}"
    if api_fit(version) == "newer":
        return f"{mismatch}: its newer features are ignored; pip install --upgrade sma-core"
    return f"{mismatch}: upgrade it with pip install --upgrade sma-core"


def check_api(version: str, provider: str) -> None:
    """Check the API version that ``provider``, a package with its version, was made for.

    Raises `IncompatiblePluginError` for another major version, `PluginError` when ``version`` is malformed.
    """
    try:
        fit = api_fit(version)
    except (ValueError, TypeError):
        raise PluginError(
            f"{provider} declares the API version {version!r}; it must look like {API_VERSION!r}"
        ) from None
    if fit == "incompatible":
        raise IncompatiblePluginError(f"{provider} was {misfit(version, provider.partition(' ')[0])}")


def deprecated_field(default: object, *, since: str, instead: str) -> Any:  # noqa: ANN401 - any type of field
    """Declare a field of a spec as deprecated since API version ``since``; ``instead`` says what to use."""
    return field(default=default, metadata={DEPRECATED: f"deprecated since plugin API {since}: {instead}"})


def deprecation(field_: Field[Any]) -> str:
    """Return the deprecation message of a field, or an empty string."""
    message: str = field_.metadata.get(DEPRECATED, "")
    return message


def warn_of_deprecated_fields(spec: Any) -> None:  # noqa: ANN401 - a spec, whose module imports this one
    """Emit a warning for each deprecated field of ``spec`` that differs from its default."""
    for spec_field in fields(spec):
        if deprecation(spec_field) and getattr(spec, spec_field.name) != spec_field.default:
            subject = f"{spec_field.name} of the {type(spec).__name__} {spec.name!r}"
            warnings.warn(f"{subject} is {deprecation(spec_field)}", PluginDeprecationWarning, stacklevel=4)


def _parts(version: str) -> tuple[int, int]:
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(version)
    return int(match[1]), int(match[2])
