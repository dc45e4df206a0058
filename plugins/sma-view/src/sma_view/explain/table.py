"""The long table of an explanation: a line for each input of each row."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
import pyarrow as pa

from sma_core.models.loaded_run import LoadedRun
from sma_core.plugins.specs import TableFormat
from sma_core.writers.formats.writer import Columns, TableWriter
from sma_core.writers.tables import IDENTIFIER, open_table, writing
from sma_view.explain.explained_rows import ExplainedRow
from sma_view.explain.question import Question

JSON = ".json"


def endings(run: LoadedRun) -> tuple[str, ...]:
    """Return the endings of files that a table can be written to."""
    listed = (suffix for spec in run.registry.in_order(TableFormat) for suffix in spec.suffixes)
    return (*listed, JSON)


@contextmanager
def opened(out: Path, run: LoadedRun) -> Iterator[TableWriter]:
    """Open a table in the format of the file's ending; errors as in `open_table`."""
    if not out.name.lower().endswith(JSON):
        with open_table(out, run.registry) as table:
            yield table
        return
    with writing(out) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write("[")
        yield _JsonArray(file)
        file.write("]\n")


class _JsonArray:
    """Writes lines as objects of one array, of which the brackets are written by others."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._separator = "\n"

    def write(self, columns: Columns) -> None:
        """Append lines."""
        for cells in zip(*(column.to_pylist() for column in columns.values()), strict=True):
            item = json.dumps(dict(zip(columns, cells, strict=True)), ensure_ascii=False, allow_nan=False)
            self._file.write(f"{self._separator}{item}")
            self._separator = ",\n"


def table_of(
    rows: Sequence[ExplainedRow], question: Question, run: LoadedRun, with_names: bool, by_channel: bool
) -> dict[str, pa.Array]:
    """Return the lines of rows as columns; an unusable row has one line, with the reason and without a value.

    Inputs without a symbol of their own, such as end markers, have no line.
    """
    lines = [line for row in rows for line in _lines(row, run.features if by_channel else ())]
    cells = list(zip(*lines, strict=True)) or [()] * 9
    numbers, names, labels, predictions, positions, symbols, channels, values, remarks = cells
    symbol = "feature" if run.features and not _is_sequence(run) else "symbol"
    columns = {"row": pa.array(numbers, pa.int64())}
    if with_names:
        columns[IDENTIFIER] = pa.array(names, pa.string())
    columns["target"] = pa.array([question.target] * len(lines), pa.string())
    if not question.is_regression:
        columns["class"] = pa.array(labels, pa.string())
    columns["prediction"] = pa.array(predictions, pa.float64())
    if question.position is not None:
        columns["explained_position"] = pa.array([question.position] * len(lines), pa.int64())
    columns["position"] = pa.array(positions, pa.int64())
    if by_channel:
        columns["channel"] = pa.array(channels, pa.string())
    elif not _is_sequence(run):
        columns[symbol] = pa.array(symbols, pa.string())
    return columns | {"value": pa.array(values, pa.float64()), "reason": pa.array(remarks, pa.string())}


def _is_sequence(run: LoadedRun) -> bool:
    return run.feed.unit == "positions"


def _lines(row: ExplainedRow, channels: Sequence[str]) -> Iterator[tuple[object, ...]]:
    """Yield the cells of each line of a row; with ``channels``, a line for each channel of a position."""
    if row.values is None or row.explained is None or row.drawn is None:
        yield (row.number, row.name, None, None, None, None, None, None, row.remark)
        return
    head = (row.number, row.name, row.label, row.prediction)
    kept = row.explained if row.drawn.pieces else np.ones(len(row.explained), dtype=bool)
    for place in np.flatnonzero(kept).tolist():
        where = (*head, place + 1, row.symbols[place])
        if channels:
            for channel, value in zip(channels, row.values[place].tolist(), strict=True):
                yield (*where, channel, value, row.remark)
        else:
            yield (*where, None, float(row.by_input[place]), row.remark)
