"""Draw rows with a renderer of the domain, or with the general renderer when it fails."""

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
from sma_core.printable import counted
from sma_view.bars import draw_bars
from sma_view.course import draw_course
from sma_view.letters import draw_letters

GENERAL: dict[str, Callable[[DrawnRow], str]] = {
    "letters": draw_letters,
    "bars": draw_bars,
    "course": draw_course,
}
"""The general renderers by name; `sma_view.plugin` registers them too."""


@dataclass(frozen=True)
class Failure:
    """A row that a renderer failed to draw, and the reason."""

    row: int
    reason: str


class Drawer:
    """Draws the rows of a page; ``failures`` lists the rows drawn by the general renderer instead.

    ``name`` is a renderer of the registry; None is the domain's own, or if it has none, for sequences ``course``
    and for other rows the general renderer of the domain's input. With ``signed``, the rows have signed
    importance, and a renderer of the domain that does not know it is not asked.
    """

    def __init__(self, registry: Registry, name: str | None = None, signed: bool = False) -> None:
        """Raise `PluginError` when the renderer ``name`` does not exist, or does not draw ``signed`` rows."""
        self.failures: list[Failure] = []
        self._drawn = 0
        self._registry = registry
        general = general_renderer(registry)
        self._general = self._function(general)
        own = registry.domain.renderer
        if signed and own is not None and not self._draws_signed(own):
            own = None
        self._name = name or own or general
        self._draws_courses = name is None and own is None
        if name is not None:
            self._function(name)
            if signed and not self._draws_signed(name):
                raise PluginError(
                    f"the renderer {name!r} does not draw signed values: choose another, such as bars"
                )

    def _draws_signed(self, name: str) -> bool:
        """Return whether a renderer draws rows with signed importance."""
        specs = [spec for spec in self._registry.specs(Renderer) if spec.name == name]
        return all(spec.signed for spec in specs) and bool(specs or name in GENERAL)

    def _function(self, name: str) -> Callable[[DrawnRow], str]:
        """Return the renderer ``name``; raises `PluginError` when it does not exist."""
        if name in GENERAL and all(spec.name != name for spec in self._registry.specs(Renderer)):
            return GENERAL[name]
        function: Callable[[DrawnRow], str] = self._registry.build(self._registry.find(Renderer, name))
        return function

    def draw(self, row: DrawnRow, number: int) -> str:
        """Return the drawing of a row, the ``number``-th of its file."""
        self._drawn += 1
        if self._draws_courses and row.vectors:
            return checked(draw_course(row), row.prefix)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                return checked(self._function(self._name)(row), row.prefix)
        except (Exception, SystemExit) as error:
            reason = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
            self.failures.append(Failure(number, " ".join(reason.split())))
        return checked(self._general(row), row.prefix)

    @property
    def warning(self) -> str | None:
        """A message with the renderer, its package and the first failure; None when all rows were drawn."""
        if not self.failures:
            return None
        first, owner = self.failures[0], self._registry.provider(self._registry.domain)
        with contextlib.suppress(PluginError):
            owner = self._registry.provider(self._registry.find(Renderer, self._name))
        return (
            f"the renderer {self._name!r} of {owner} did not draw {len(self.failures)} of "
            f"{counted(self._drawn, 'picture')}, "
            f"the first of row {first.row}: {first.reason}; the general one drew them"
        )


def general_renderer(registry: Registry) -> str:
    """Return the name of the renderer that draws any row of the domain's kind of input."""
    return "letters" if registry.domain.input_kind == "discrete" else "bars"
