"""The checks of the contract that are for data sets, and the labels that tasks read from them."""

from __future__ import annotations

from pathlib import Path

from sma_core.errors import SmaError
from sma_core.plugins.references import resolve
from sma_core.plugins.specs import DataSet, Task
from sma_kit.checks import task_labels
from sma_kit.subject import Subject, is_own
from sma_kit.verdicts import explained, fail, skip

NO_LICENCE = frozenset({"", "?", "-", "todo", "tbd", "change", "unknown", "n/a", "not known", "not stated"})
ROWS_LOOKED_AT = 200
FEWEST_LABELLED = 0.5


class DataSetChecks(Subject):
    """Checks of where sets come from, what ships, and what tasks find in them."""

    def test_data_sets_state_where_they_come_from(self) -> None:
        """Every data set has source and licence, and a way to get its rows."""
        for spec in self._registry().specs(DataSet):
            if not spec.source.strip() or not spec.licence.strip():
                fail(f"the DataSet {spec.name!r} must state its source and its licence")
            if not (spec.file or spec.locate or spec.hub):
                fail(f"the DataSet {spec.name!r} needs one of file, locate or hub to be found by")

    def test_sets_that_ship_state_a_licence(self) -> None:
        """What the plugin gives away has a licence, not a word that stands in for one."""
        for spec in self._shipped():
            if spec.licence.strip().lower().rstrip(".") in NO_LICENCE:
                fail(
                    f"the DataSet {spec.name!r} ships with the plugin, so its licence must be stated, such as "
                    f"'CC0 1.0'; {spec.licence!r} is none"
                )

    def test_sets_that_ship_are_found_in_one_place(self) -> None:
        """What locate names gives the Path of a file, the same each time, or says in one sentence why not."""
        for spec in self._shipped():
            locate = resolve(str(spec.locate), f"the DataSet {spec.name!r}")
            with explained(f"{spec.locate}, locate of the DataSet {spec.name!r}, must give a Path"):
                try:
                    first, again = locate(), locate()
                except SmaError:  # such as what is made from a file that is not on this machine
                    continue
            if not isinstance(first, Path) or not first.is_file():
                fail(
                    f"{spec.locate}, locate of the DataSet {spec.name!r}, must give the Path of a file, not "
                    f"{first!r}: add the file to the package"
                )
            if first != again:
                fail(f"{spec.locate}, locate of the DataSet {spec.name!r}, must give the same Path each time")

    def test_tasks_find_their_labels(self) -> None:
        """Where a task's set is on this machine, its target columns are there and hold labels of its kind."""
        registry = self._registry()
        looked = 0
        for task in registry.specs(Task):
            with explained(f"mend the Task {task.name!r} or its data set"):
                found = task_labels.count_labels(registry, task, ROWS_LOOKED_AT)
            if found is None:
                continue
            looked += 1
            if found.usable < FEWEST_LABELLED * found.rows or not found.usable:
                fail(
                    f"the Task {task.name!r} finds labels that are {task.kind} in only {found.usable} of the "
                    f"first {found.rows} rows of {task.dataset}: mend its targets or kind ({found.reason})"
                )
        if not looked:
            skip("no task's data set is on this machine")

    def _shipped(self) -> list[DataSet]:
        registry = self._registry()
        found = [spec for spec in registry.specs(DataSet) if spec.locate is not None and is_own(registry, spec)]
        if not found:
            skip("no data set ships")
        return found
