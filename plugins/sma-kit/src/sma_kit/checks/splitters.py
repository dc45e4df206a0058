"""Contract checks of splitters."""

from __future__ import annotations

from functools import partial

from sma_core.plugins.specs import Splitter
from sma_kit.checks import parts, worker_process
from sma_kit.subject import Subject, is_own
from sma_kit.verdicts import explained, fail, skip

MIN_ROWS = 30


class SplitterChecks(Subject):
    """Checks of splits into training, validation and test."""

    def test_splitters_divide_the_rows(self) -> None:
        """Splitters return three disjoint int64 arrays of indices, equal for equal seeds; rows may be unused."""
        registry, rows = self._registry(), self._rows_to_divide()
        for spec in registry.specs(Splitter):
            with explained(f"the Splitter {spec.name!r} must split {len(rows)} rows of this domain"):
                split = partial(registry.build(spec), **parts.splitter_arguments(spec, len(rows)))
                divided, again = split(rows, 0.1, 0.1, 3), split(rows, 0.1, 0.1, 3)
                lists = [part.tolist() for part in divided]
                types = {str(part.dtype) for part in divided}
            indices = [row for part in lists for row in part]
            if len(lists) != 3 or types != {"int64"} or not all(lists):
                fail(f"the Splitter {spec.name!r} must return three int64 arrays, none of them empty")
            if len(set(indices)) != len(indices) or not set(indices) <= set(range(len(rows))):
                fail(f"the Splitter {spec.name!r} must return disjoint parts with valid row indices")
            if lists != [part.tolist() for part in again]:
                fail(f"the Splitter {spec.name!r} must return the same parts for the same seed")

    def test_splitters_work_in_another_process(self) -> None:
        """A spawned process can import a splitter by reference and splits the rows in the same way."""
        registry, rows = self._registry(), self._rows_to_divide()
        own = [spec for spec in registry.specs(Splitter) if is_own(registry, spec)]
        if not own:
            skip("the plugin has no splitter")
        calls = [(spec.factory, rows, parts.splitter_arguments(spec, len(rows))) for spec in own]
        with explained(f"{', '.join(spec.factory for spec in own)} must work in a spawned process"):
            in_child = worker_process.in_new_process(worker_process.all_parts, calls)
        in_parent = worker_process.all_parts(calls)
        for spec, child, parent in zip(own, in_child, in_parent, strict=True):
            if child != parent:
                fail(f"{spec.factory} must split rows identically in another process: do not use hash() of a text")

    def _rows_to_divide(self) -> list[str]:
        rows = self._rows()
        return (rows * (MIN_ROWS // len(rows) + 1))[: max(len(rows), MIN_ROWS)]
