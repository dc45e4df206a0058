"""Select feature columns and further columns of a table, for block readers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.csv import choose_column
from sma_core.data.readers.text_header import MOST_COLUMNS, check_unique
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences
from sma_core.errors import DataError
from sma_core.printable import counted


@dataclass(frozen=True)
class Chosen:
    """Column indices of the features and of the further columns (``fields``), and the names of the features."""

    features: tuple[int, ...]
    fields: tuple[int, ...]
    columns: tuple[str, ...]

    @classmethod
    def among(
        cls,
        names: Sequence[str],
        columns: Sequence[str],
        fields: Sequence[str],
        path: Path | str,
        exclude: Sequence[str] = (),
    ) -> Self:
        """Select ``columns`` (empty: all but ``fields`` and ``exclude``) and ``fields`` from ``names``.

        Raises `DataError` when a requested name is missing, a name occurs twice, or no feature is left.
        """
        check_unique(names, path)
        others = tuple(_position(names, field, path) for field in fields)
        left_out = {*others, *(_position(names, name, path) for name in exclude)}
        if columns:
            features = tuple(_position(names, column, path) for column in columns)
        else:
            features = tuple(index for index in range(len(names)) if index not in left_out)
        if not features:
            raise DataError(
                f"{path} has no column besides {', '.join((*fields, *exclude))}, so there are no features"
            )
        return cls(features, others, tuple(names[index] for index in features))


def remaining(names: Sequence[str], apart: Sequence[str], path: Path | str) -> list[str]:
    """Return the ``names`` of features or channels that are not ``apart``; raises `DataError` if none is left."""
    left = [name for name in names if name not in apart]
    if not left:
        raise DataError(f"{path}: of its features, {', '.join(names)}, none is left: exclude fewer")
    return left


def _position(names: Sequence[str], wanted: str, path: Path | str) -> int:
    return names.index(choose_column(names, wanted, (), path))


def given_names(names: Sequence[str], count: int, path: Path | str) -> list[str]:
    """Return ``names`` of ``count`` columns, or their indices from 0 when empty."""
    if names and len(names) != count:
        raise DataError(f"{path} has {counted(count, 'column')}, but {len(names)} names are given for them")
    if count > MOST_COLUMNS:
        raise DataError(f"{path} has {count:,} columns; at most {MOST_COLUMNS:,} are read")
    return list(names) or [str(index) for index in range(count)]


def feature_names(block: Block, requested: Sequence[str], features: Sequence[str], where: str) -> tuple[str, ...]:
    """Return the names of a block's features: ``features``, which the columns ``requested`` hold, or its own.

    Raises `DataError` when there is not one column for each feature.
    """
    if not features:
        return block.names(requested)
    if block.values.shape[1] != len(features):
        own = block.names(requested)
        raise DataError(
            f"{where}: data.columns names {len(own)} columns ({', '.join(own)}), but "
            f"the model reads {len(features)} ({', '.join(features)}): name one for each, in this order"
        )
    return tuple(features)


def check_grid(grid: tuple[int, ...], expected: tuple[int, ...] | None, where: str) -> None:
    """Raise `DataError` when rows lie on another ``grid`` than ``expected``, ``model.grid``.

    Either may be unknown. Rows may have less of the first axis than the model.
    """
    if not grid or not expected or (grid[0] <= expected[0] and grid[1:] == expected[1:]):
        return
    sizes = ",".join(map(str, grid))
    raise DataError(
        f"{where} has rows of {_across(grid)} positions, but model.grid is {_across(expected)}: for a new model "
        f"set model.grid=[{sizes}] and model.max_length={math.prod(grid)}; a trained model needs rows of "
        "its own grid"
    )


def _across(grid: Sequence[int]) -> str:
    return " x ".join(map(str, grid))


def finite_block(
    numbers: NDArray[np.int64],
    values: NDArray[np.float32],
    fields: tuple[NDArray[Any], ...],
    columns: tuple[str, ...],
    written: tuple[Any, ...] = (),
) -> tuple[list[RejectedRow], Block]:
    """Return the rows of values (n, F) with an infinity as rejected rows, and the block of the others."""
    block = Block(numbers, values, fields, columns, None, written)
    infinite = np.isinf(values)
    if not infinite.any():
        return [], block
    bad = infinite.any(axis=1)
    firsts = infinite.argmax(axis=1)
    reasons = {
        i: f"not a finite float32 number: {columns[firsts[i]]} is {values[i, firsts[i]]}"
        for i in np.flatnonzero(bad).tolist()
    }
    return rejected_rows(block, reasons), block.take(np.flatnonzero(~bad))


def finite_rows(block: Block, columns: Sequence[str]) -> Iterator[RejectedRow | Block]:
    """Yield the rows of a reader's block with an infinity as rejected rows, then the block of the others.

    Values of float64 become float32, in which numbers beyond its range are infinite. ``columns`` are the names of
    the features or channels.
    """
    if block.values.dtype.kind == "f" and block.values.dtype.itemsize > 4:
        with np.errstate(over="ignore"):
            block = replace(block, values=block.values.astype(np.float32))
    if block.values.dtype.kind != "f" or not np.isinf(block.values).any():
        yield block
        return
    rows = Sequences(block.values, np.arange(len(block) + 1)) if block.offsets is None else block.sequences
    bad, reasons = rows.with_infinity(), {}
    for row in np.flatnonzero(bad).tolist():
        position, channel = np.argwhere(np.isinf(rows[row]))[0].tolist()
        where = "" if block.offsets is None else f" of position {position + 1:,}"
        reasons[row] = f"not a finite float32 number: {columns[channel]}{where} is {rows[row][position, channel]}"
    yield from rejected_rows(block, reasons)
    yield block.take(np.flatnonzero(~bad))


def rejected_rows(block: Block, reasons: Mapping[int, str]) -> list[RejectedRow]:
    """Return the rows of a block at the indices in ``reasons`` as rejected rows, with their further columns."""
    if not reasons:
        return []
    cells = block.take(np.array(list(reasons))).texts()
    return [
        RejectedRow(int(block.numbers[row]), reason, fields=tuple(column[index] for column in cells))
        for index, (row, reason) in enumerate(reasons.items())
    ]


def finite_sequences(
    numbers: NDArray[np.int64],
    sequences: Sequences,
    fields: tuple[NDArray[Any], ...],
    columns: tuple[str, ...],
) -> tuple[list[RejectedRow], Block]:
    """Return the sequences with an infinity as rejected rows, and the block of the others."""
    block = Block(numbers, sequences.values, fields, columns, sequences.offsets)
    bad = sequences.with_infinity()
    if not bad.any():
        return [], block
    reasons = {}
    for row in np.flatnonzero(bad).tolist():
        position, channel = np.argwhere(np.isinf(sequences[row]))[0].tolist()
        where = f"{columns[channel]} of position {position + 1:,} is {sequences[row][position, channel]}"
        reasons[row] = f"not a finite float32 number: {where}"
    return rejected_rows(block, reasons), block.take(np.flatnonzero(~bad))
