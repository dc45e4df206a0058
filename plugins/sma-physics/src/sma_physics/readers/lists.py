"""Reader of events from the hub, with all features of an event in one cell.

Downloads are stored as CSV with a column ``inputs`` of lists (``"[0.87, -0.6, …]"``). Features are named by
``names``; the default is the HIGGS features.

Shapes: n rows, F features.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sma_core.data.blocks import Block
from sma_core.data.readers.csv import read_csv
from sma_core.data.readers.features import Chosen, finite_block
from sma_core.data.readers.other_columns import text_column
from sma_core.data.records import RejectedRow, Row
from sma_physics.readers.blocks import rows_in_block
from sma_physics.schema import FEATURE_NAMES

INPUTS = "inputs"


def read_lists(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks, without the features in ``exclude``.

    Raises `DataError` if a column is missing.
    """
    known = tuple(names) or FEATURE_NAMES
    chosen = Chosen.among(known, columns, (), path, [name for name in exclude if name in known])
    step = rows_in_block(len(known))
    waiting: list[tuple[Row, list[float]]] = []
    for record in read_csv(path, INPUTS, fields):
        row = record if isinstance(record, RejectedRow) else _numbers(record, len(known))
        if isinstance(row, RejectedRow):
            yield row
            continue
        waiting.append(row)
        if len(waiting) == step:
            yield from _block(waiting, chosen)
            waiting = []
    if waiting:
        yield from _block(waiting, chosen)


def _numbers(row: Row, count: int) -> tuple[Row, list[float]] | RejectedRow:
    """Parse the list of a row; return a rejected row if it is invalid."""
    try:
        values = json.loads(row.text.replace("nan", "NaN").replace("None", "NaN"))
        numbers = [float(number) for number in values]
    except (ValueError, TypeError, OverflowError, RecursionError):
        return RejectedRow(row.number, "not a list of numbers", row.text)
    if len(numbers) != count:
        return RejectedRow(row.number, f"wrong number of features: {len(numbers)} instead of {count}", row.text)
    return row, numbers


def _block(rows: Sequence[tuple[Row, list[float]]], chosen: Chosen) -> Iterator[Block | RejectedRow]:
    numbers = np.array([row.number for row, _ in rows], dtype=np.int64)
    with np.errstate(over="ignore"):
        values = np.array([features for _, features in rows], dtype=np.float64).astype(np.float32)
    texts = zip(*(row.fields for row, _ in rows), strict=True)
    fields = tuple(text_column(list(column)) for column in texts)
    rejected, block = finite_block(numbers, values[:, list(chosen.features)], fields, chosen.columns)
    yield from rejected
    if len(block):
        yield block
