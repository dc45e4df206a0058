"""The checks of the contract that are for splitters."""

from __future__ import annotations

from functools import partial

from sma_core.plugins.specs import Splitter
from sma_kit.checks import parts, worker_process
from sma_kit.subject import Subject, is_own
from sma_kit.verdicts import explained, fail, skip

FEWEST_ROWS = 30


class SplitterChecks(Subject):
    """Checks of how rows are divided into training, validation and test."""

    def test_splitters_divide_the_rows(self) -> None:
        """Three parts of int64 indices share no row, the same for the same seed; rows may be left out."""
        registry, rows = self._registry(), self._rows_to_divide()
        for spec in registry.specs(Splitter):
            with explained(f"the Splitter {spec.name!r} must divide {len(rows)} rows of this domain"):
                split = partial(registry.build(spec), **parts.needed_by(spec, len(rows)))
                divided, again = split(rows, 0.1, 0.1, 3), split(rows, 0.1, 0.1, 3)
                lists = [part.tolist() for part in divided]
                types = {str(part.dtype) for part in divided}
            together = [row for part in lists for row in part]
            if len(lists) != 3 or types != {"int64"} or not all(lists):
                fail(f"the Splitter {spec.name!r} must give three int64 arrays, none of them empty")
            if len(set(together)) != len(together) or not set(together) <= set(range(len(rows))):
                fail(f"the Splitter {spec.name!r} must put no row into two parts, and name only rows there are")
            if lists != [part.tolist() for part in again]:
                fail(f"the Splitter {spec.name!r} must give the same parts for the same seed")

    def test_splitters_work_in_another_process(self) -> None:
        """A spawned process can import a splitter by its name and divides the rows alike: on every machine."""
        registry, rows = self._registry(), self._rows_to_divide()
        own = [spec for spec in registry.specs(Splitter) if is_own(registry, spec)]
        if not own:
            skip("the plugin brings no splitter of its own")
        asked = [(spec.factory, rows, parts.needed_by(spec, len(rows))) for spec in own]
        with explained(f"{', '.join(spec.factory for spec in own)} must work in a spawned process, by name alone"):
            there = worker_process.in_new_process(worker_process.all_parts, asked)
        here = worker_process.all_parts(asked)
        for spec, found, known in zip(own, there, here, strict=True):
            if found != known:
                fail(f"{spec.factory} must divide rows alike in another process: never use hash() of a text")

    def _rows_to_divide(self) -> list[str]:
        rows = self._rows()
        return (rows * (FEWEST_ROWS // len(rows) + 1))[: max(len(rows), FEWEST_ROWS)]
