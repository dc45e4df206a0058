"""Telling plugin authors what will go: fields of specs, and hooks.

What is deprecated works as before until the next major version of the contract. A field is declared with
`deprecated_field`; a hook with ``@hookspec(warn_on_impl=PluginDeprecationWarning(...))``. Both warn with
`PluginDeprecationWarning`, which Python shows in tests and not in programs; ``sma plugins doctor`` lists it.
"""

from __future__ import annotations

import warnings
from dataclasses import Field, field, fields
from typing import Any

DEPRECATED = "deprecated"


class PluginDeprecationWarning(DeprecationWarning):
    """A plugin uses something that the next major version of the contract will not have."""


def deprecated_field(default: object, *, since: str, instead: str) -> Any:  # noqa: ANN401 - stands for any field
    """Declare a field of a spec that is deprecated since that API version; ``instead`` says what to write."""
    return field(default=default, metadata={DEPRECATED: f"deprecated since plugin API {since}: {instead}"})


def deprecation(of: Field[Any]) -> str:
    """Return what is said of a deprecated field; empty for others."""
    said: str = of.metadata.get(DEPRECATED, "")
    return said


def warn_of_deprecated_fields(spec: Any) -> None:  # noqa: ANN401 - a spec, whose module imports this one
    """Warn of every deprecated field of a spec that is not at its default."""
    for each in fields(spec):
        if deprecation(each) and getattr(spec, each.name) != each.default:
            what = f"{each.name} of the {type(spec).__name__} {spec.name!r}"
            warnings.warn(f"{what} is {deprecation(each)}", PluginDeprecationWarning, stacklevel=4)
