"""The plugin door: contract, discovery, registry. Imports no torch, no numpy, no pyarrow."""

from sma_core.plugins.deprecation import PluginDeprecationWarning
from sma_core.plugins.drawn_row import DrawnRow
from sma_core.plugins.hookspecs import hookimpl
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
    "PluginDeprecationWarning",
    "Reader",
    "Renderer",
    "Spec",
    "Splitter",
    "Task",
    "Tokenizer",
    "hookimpl",
]
