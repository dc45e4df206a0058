"""Contract checks of data sets and of the labels that tasks read from them."""

from __future__ import annotations

from pathlib import Path

from sma_core.errors import SmaError
from sma_core.plugins.imports import resolve
from sma_core.plugins.specs import DataSet, Task
from sma_kit.checks import task_labels
from sma_kit.subject import Subject, is_own
from sma_kit.verdicts import explained, fail, skip

NO_LICENCE = frozenset({"", "?", "-", "todo", "tbd", "change", "unknown", "n/a", "not known", "not stated"})
ROWS_READ = 200
MIN_LABELLED = 0.5


class DataSetChecks(Subject):
    """Checks of sources, shipped files and labels."""

    def test_data_sets_state_where_they_come_from(self) -> None:
        """Every data set has a source, a licence, and a way to locate its rows."""
        for spec in self._registry().specs(DataSet):
            if not spec.source.strip() or not spec.licence.strip():
                fail(f"the DataSet {spec.name!r} must state its source and its licence")
            if not (spec.file or spec.locate or spec.hub):
                fail(f"the DataSet {spec.name!r} needs one of file, locate or hub")

    def test_sets_that_ship_state_a_licence(self) -> None:
        """Shipped data sets state the licence of their rows."""
        for spec in self._shipped():
            if spec.licence.strip().lower().rstrip(".") in NO_LICENCE:
                fail(
                    f"the DataSet {spec.name!r} ships with the plugin, so its licence must be stated, such as "
                    f"'CC0 1.0'; {spec.licence!r} is not a licence"
                )

    def test_sets_that_ship_are_found_in_one_place(self) -> None:
        """Calling locate returns the Path of a file, always the same, or raises a one-sentence error."""
        for spec in self._shipped():
            locate = resolve(str(spec.locate), f"the DataSet {spec.name!r}")
            with explained(f"{spec.locate}, locate of the DataSet {spec.name!r}, must return a Path"):
                try:
                    first, again = locate(), locate()
                except SmaError:  # for example a set derived from a file that is not on this machine
                    continue
            if not isinstance(first, Path) or not first.is_file():
                fail(
                    f"{spec.locate}, locate of the DataSet {spec.name!r}, must return the Path of a file, not "
                    f"{first!r}: add the file to the package"
                )
            if first != again:
                fail(f"{spec.locate}, locate of the DataSet {spec.name!r}, must return the same Path each time")

    def test_tasks_find_their_labels(self) -> None:
        """If a task's data set is on this machine, its target columns exist and hold labels of its kind."""
        registry = self._registry()
        checked = 0
        for task in registry.specs(Task):
            with explained(f"fix the Task {task.name!r} or its data set"):
                counts = task_labels.count_labels(registry, task, ROWS_READ)
            if counts is None:
                continue
            checked += 1
            if counts.usable < MIN_LABELLED * counts.rows or not counts.usable:
                fail(
                    f"the Task {task.name!r} finds labels that are {task.kind} in only {counts.usable} of the "
                    f"first {counts.rows} rows of {task.dataset}: fix its targets or kind ({counts.reason})"
                )
        if not checked:
            skip("no task's data set is on this machine")

    def _shipped(self) -> list[DataSet]:
        registry = self._registry()
        shipped = [spec for spec in registry.specs(DataSet) if spec.locate is not None and is_own(registry, spec)]
        if not shipped:
            skip("no data set ships")
        return shipped
