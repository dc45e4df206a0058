"""Contract tests for plugins, which authors run on their own domain.

Subclass ``DomainContract`` in a test of the plugin::

    from sma_kit import DomainContract

    class TestText(DomainContract):
        domain = "text"
        good_rows = ("one row", "another")
        bad_rows = ("",)

A plugin that adds to the domains of others subclasses ``ExtensionContract``. The names are imported on first use,
so ``import sma_kit`` is cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sma_kit.contract import DomainContract as DomainContract
    from sma_kit.contract import ExtensionContract as ExtensionContract
    from sma_kit.distributions import write_distribution as write_distribution

__all__ = ["DomainContract", "ExtensionContract", "write_distribution"]
_MODULES = {
    "DomainContract": "contract",
    "ExtensionContract": "contract",
    "write_distribution": "distributions",
}


def __getattr__(name: str) -> object:
    """Import a name on first use."""
    if name in _MODULES:
        return getattr(import_module(f"sma_kit.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
