"""A sweep on a few seeds: which cells come first, and which follow once validation has picked a variant.

With ``sweep_seeds`` in a suite every variant runs on these seeds alone, and the other seeds run what they picked.
The picked variant then has more seeds than any other of its arm, which is what `comparison.chosen_rows` shows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sma_bench.comparison import Row
from sma_bench.suites import Cell, Suite


@dataclass(frozen=True)
class Turns:
    """The wanted cells: those that wait for no other, those that were picked, and how many are not known yet."""

    first: list[Cell]
    later: list[Cell]
    unknown: int

    @property
    def known(self) -> list[Cell]:
        """The cells of both turns."""
        return [*self.first, *self.later]


def turns(suite: Suite, wanted: Sequence[Cell], picked: Iterable[Row]) -> Turns:
    """Put the wanted cells in turn; ``picked`` has a row for each task and arm whose variant is decided."""
    variants = {(row.task, row.arm): row.variant for row in picked}
    swept = _swept(wanted)
    first: list[Cell] = []
    later: list[Cell] = []
    unknown = set()
    for cell in wanted:
        pair = (cell.task, cell.arm)
        if not suite.sweep_seeds or cell.seed in suite.sweep_seeds or pair not in swept:
            first.append(cell)
        elif pair not in variants:
            unknown.add((*pair, cell.seed))
        elif variants[pair] == cell.variant:
            later.append(cell)
    return Turns(first, later, len(unknown))


def _swept(wanted: Iterable[Cell]) -> set[tuple[str, str]]:
    """Return each task and arm of which several variants are tried."""
    variants: dict[tuple[str, str], set[str]] = {}
    for cell in wanted:
        text = json.dumps(cell.variant, sort_keys=True, default=str)
        variants.setdefault((cell.task, cell.arm), set()).add(text)
    return {pair for pair, texts in variants.items() if len(texts) > 1}
