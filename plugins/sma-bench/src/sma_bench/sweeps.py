"""Order of the cells of a sweep: first the sweep's seeds, then the other seeds with the chosen variant.

With ``sweep_seeds`` in a suite, all variants run on these seeds only, and the other seeds run the chosen variant.
That variant then has the most seeds of its arm, so `comparison.chosen_rows` selects it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sma_bench.cells import Cell
from sma_bench.comparison import ArmResult
from sma_bench.suites import Suite


@dataclass(frozen=True)
class Turns:
    """The selected cells: those to run first, those of chosen variants, and the number not yet known."""

    first: list[Cell]
    later: list[Cell]
    unknown: int

    @property
    def known(self) -> list[Cell]:
        """All known cells."""
        return [*self.first, *self.later]


def turns(suite: Suite, wanted: Sequence[Cell], picked: Iterable[ArmResult]) -> Turns:
    """Order the selected cells; ``picked`` has a row for each task, method and arm whose variant is chosen."""
    variants = {(row.task, row.method, row.arm): row.variant for row in picked}
    several = swept(wanted)
    first: list[Cell] = []
    later: list[Cell] = []
    unknown = set()
    for cell in wanted:
        group = (cell.task, cell.method, cell.arm)
        if not suite.sweep_seeds or cell.seed in suite.sweep_seeds or group not in several:
            first.append(cell)
        elif group not in variants:
            unknown.add((*group, cell.seed))
        elif variants[group] == cell.variant:
            later.append(cell)
    return Turns(first, later, len(unknown))


def swept(wanted: Iterable[Cell]) -> set[tuple[str, str, str]]:
    """Return each task, method and arm with several variants."""
    variants: dict[tuple[str, str, str], set[str]] = {}
    for cell in wanted:
        text = json.dumps(cell.variant, sort_keys=True, default=str)
        variants.setdefault((cell.task, cell.method, cell.arm), set()).add(text)
    return {group for group, texts in variants.items() if len(texts) > 1}
