"""The plugin system: API, discovery and registry. Imports no torch, no numpy, no pyarrow.

The names of the plugin API are imported on first use: ``sma --help`` needs none of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sma_core.plugins.api_version import API_VERSION, PluginDeprecationWarning
    from sma_core.plugins.drawn_row import DrawnRow
    from sma_core.plugins.hookspecs import hookimpl
    from sma_core.plugins.method_specs import (
        Augmentation,
        Baseline,
        EncoderType,
        Loss,
        MaskingStrategy,
        Optimizer,
        PositionEmbedding,
        Schedule,
    )
    from sma_core.plugins.metrics import metric, metrics_in
    from sma_core.plugins.specs import (
        DataSet,
        Domain,
        Head,
        PredictionColumns,
        Reader,
        Renderer,
        ShippedModel,
        ShippedRecipe,
        ShippedSuite,
        Spec,
        Splitter,
        TableFormat,
        Task,
        Tokenizer,
    )

__all__ = [
    "API_VERSION",
    "Augmentation",
    "Baseline",
    "DataSet",
    "Domain",
    "DrawnRow",
    "EncoderType",
    "Head",
    "Loss",
    "MaskingStrategy",
    "Metric",
    "Optimizer",
    "PluginDeprecationWarning",
    "PositionEmbedding",
    "PredictionColumns",
    "Reader",
    "Renderer",
    "Schedule",
    "ShippedModel",
    "ShippedRecipe",
    "ShippedSuite",
    "Spec",
    "Splitter",
    "TableFormat",
    "Task",
    "Tokenizer",
    "hookimpl",
    "metric",
    "metrics_in",
]

_MODULES = {
    "API_VERSION": "api_version",
    "DrawnRow": "drawn_row",
    "PluginDeprecationWarning": "api_version",
    "hookimpl": "hookspecs",
    "metric": "metrics",
    "metrics_in": "metrics",
    **dict.fromkeys(("Baseline", "Loss", "MaskingStrategy", "Metric", "Optimizer"), "method_specs"),
    **dict.fromkeys(("Augmentation", "EncoderType", "PositionEmbedding", "Schedule"), "method_specs"),
}
"""Module of each name; all others are in ``specs``."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a name of any type
    """Import a name of the plugin API."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_MODULES.get(name, 'specs')}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the names of the module and of the plugin API."""
    return sorted({*globals(), *__all__})
