"""Read the labels of a task from the first rows of its data set, as fine-tuning does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sma_core.errors import SmaError
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet, Task

_NOT_ZERO_AND_ONE = "they are not all 0 and 1"


@dataclass(frozen=True)
class LabelCounts:
    """Number of rows read and of rows with usable labels, and the most common reason of the others."""

    rows: int
    usable: int
    reason: str


def count_labels(registry: Registry, task: Task, most: int) -> LabelCounts | None:
    """Read the first ``most`` rows of the task's data set; None when its file is not on this machine.

    Errors of the reader propagate, such as `DataError` for a missing column.
    """
    from sma_core.config import DataConfig
    from sma_core.data.plugin_code import read_texts
    from sma_core.sources.data_sets import find_source, locations

    spec = registry.find(DataSet, task.dataset)
    try:
        available = any(place.path.is_file() for place in locations(registry, spec))
    except SmaError:  # locate needs a file that is not on this machine
        return None
    if not available:
        return None
    source = find_source(registry, DataConfig(source=spec.name))
    read = registry.build(source.reader)
    extras = [name for name in (task.position_mask, task.split_column) if name is not None]
    columns = [*task.targets, *extras]
    if source.reader.reads == "blocks":
        return _in_blocks(read(source.path, source.columns, columns, names=source.names), task, most)
    rows = list(islice(read_texts(read, source.path, source.column, columns, usual=registry.domain.columns), most))
    return _in_rows(rows, task)


def _in_rows(records: list[Any], task: Task) -> LabelCounts:
    from sma_core.data.labels import build_label_parser
    from sma_core.data.records import RejectedRow, Row
    from sma_core.labels.label_form import form_of

    form = form_of(task.kind)
    reader = build_label_parser(task.targets, form, task.position_mask is not None)
    read = reader.read([record for record in records if isinstance(record, Row)])
    refused = [record for record in records if isinstance(record, RejectedRow)] + read.unusable
    most_common = Counter(record.reason for record in refused).most_common(1)
    if form == "numbers" and not _fits(read.targets.ravel().tolist(), task):
        return LabelCounts(len(records), 0, _NOT_ZERO_AND_ONE)
    return LabelCounts(len(records), len(read.rows), most_common[0][0] if most_common else "")


def _in_blocks(records: Iterable[Any], task: Task, most: int) -> LabelCounts:
    import numpy as np

    from sma_core.data.blocks import Block

    block = next((record for record in records if isinstance(record, Block) and len(record)), None)
    if block is None:
        return LabelCounts(0, 0, "the reader yields no rows")
    columns = [field[:most] for field in block.fields[: len(task.targets)]]
    rows = min(len(block), most)
    if task.kind == "multiclass":
        return LabelCounts(
            rows, sum(str(name) not in ("", "nan") for name in columns[0].tolist()), "no class name"
        )
    if any(column.dtype.kind != "f" for column in columns):
        return LabelCounts(rows, 0, "they are not numbers")
    labels = np.stack(columns, axis=1)  # (rows, targets)
    if not _fits(labels.ravel().tolist(), task):
        return LabelCounts(rows, 0, _NOT_ZERO_AND_ONE)
    return LabelCounts(rows, int(np.isfinite(labels).any(axis=1).sum()), "missing")


def _fits(values: list[float], task: Task) -> bool:
    """Whether all values are 0, 1 or NaN (missing), for kinds of labels that require it."""
    return task.kind not in ("binary", "multilabel") or all(
        value in (0.0, 1.0) or value != value for value in values
    )
