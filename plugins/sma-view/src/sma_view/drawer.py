"""Drawing rows with a renderer of a domain, and with the core's general one whatever that cannot draw."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass

from sma_core.errors import PluginError
from sma_core.plugins.drawing_check import checked
from sma_core.plugins.drawn_row import DrawnRow
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Renderer


@dataclass(frozen=True)
class Failure:
    """A row that a renderer did not draw, and why."""

    row: int
    reason: str


class Drawer:
    """Draws the rows of a page; ``failures`` are those that the general renderer had to draw.

    ``name`` is a renderer of the registry; None: the domain's own.
    """

    def __init__(self, registry: Registry, name: str | None = None) -> None:
        """Raise `PluginError` when ``name`` is no renderer; of a domain, that is a failure to draw."""
        self.failures: list[Failure] = []
        self._drawn = 0
        self._registry = registry
        self._general: Callable[[DrawnRow], str] = self._function(registry.domain.general_renderer)
        self._name = name or registry.domain.renderer or registry.domain.general_renderer
        if name is not None:
            registry.find(Renderer, name)

    def _function(self, name: str) -> Callable[[DrawnRow], str]:
        function: Callable[[DrawnRow], str] = self._registry.build(self._registry.find(Renderer, name))
        return function

    def draw(self, row: DrawnRow, number: int) -> str:
        """Return the drawing of a row, the ``number``-th of its file."""
        self._drawn += 1
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return checked(self._function(self._name)(row), row.prefix)
        except (Exception, SystemExit) as error:
            reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            self.failures.append(Failure(number, " ".join(reason.split())))
        return checked(self._general(row), row.prefix)

    @property
    def warning(self) -> str | None:
        """One line that names the renderer, its package and the first reason; None when it drew every row."""
        if not self.failures:
            return None
        first, of = self.failures[0], self._registry.provider(self._registry.domain)
        with contextlib.suppress(PluginError):
            of = self._registry.provider(self._registry.find(Renderer, self._name))
        return (
            f"the renderer {self._name!r} of {of} did not draw {len(self.failures)} of {self._drawn} pictures, "
            f"the first of row {first.row}: {first.reason}; the general one drew them"
        )
