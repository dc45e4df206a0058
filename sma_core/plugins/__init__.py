"""The plugin door: contract, discovery, registry. Imports no torch, no numpy, no pyarrow.

The names of the contract are imported when first used: ``sma --help`` needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sma_core.plugins.deprecation import PluginDeprecationWarning
    from sma_core.plugins.drawn_row import DrawnRow
    from sma_core.plugins.hookspecs import hookimpl
    from sma_core.plugins.method_specs import Loss, MaskingStrategy, Optimizer, Schedule
    from sma_core.plugins.specs import (
        API_VERSION,
        DataSet,
        Domain,
        Head,
        Reader,
        Renderer,
        Spec,
        Splitter,
        Task,
        Tokenizer,
    )

__all__ = [
    "API_VERSION",
    "DataSet",
    "Domain",
    "DrawnRow",
    "Head",
    "Loss",
    "MaskingStrategy",
    "Optimizer",
    "PluginDeprecationWarning",
    "Reader",
    "Renderer",
    "Schedule",
    "Spec",
    "Splitter",
    "Task",
    "Tokenizer",
    "hookimpl",
]

_MODULES = {
    "DrawnRow": "drawn_row",
    "PluginDeprecationWarning": "deprecation",
    "hookimpl": "hookspecs",
    **dict.fromkeys(("Loss", "MaskingStrategy", "Optimizer", "Schedule"), "method_specs"),
}
"""Module of each name; all others are in ``specs``."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a name of any type
    """Import a name of the contract."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'specs')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the names of the contract beside those of the module."""
    return sorted({*globals(), *__all__})
