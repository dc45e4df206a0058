"""Read long tables of time series: one line per time, and a column that names the series.

The lines of a series are consecutive. A column of times, if there is one, ascends within each series and is no
channel. Requested further columns, such as labels, have one value per series; excluded ones may have any.

Letters: T lines of a file, n series.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.csv import choose_column, read_header
from sma_core.data.readers.features import finite_sequences
from sma_core.data.readers.table import read_table
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences, bounds_of
from sma_core.errors import DataError

SERIES = ("series", "series_id", "id", "case", "case_id", "sample")
"""Names of the column that names the series; a file has one of them."""
TIMES = ("time", "t")
"""Names of the column of times."""
SORTABLE = re.compile(r"\d{4}([-/.]?\d{2}){1,2}(\D|$)|\d{2}:\d{2}")
"""Beginning of times and dates that ascend as texts: the year first, or hours of two digits."""


def read_long(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    delimiter: str | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the series of ``path`` in blocks, numbered from 1.

    All columns but those of series and times are channels, unless they are requested or in ``exclude``. Times that
    do not ascend as texts, such as dates with the day first, are refused; where the channels are named by
    ``columns``, lines are taken to be in order instead.
    """
    header = list(names) or read_header(path, delimiter)
    series = _series_column([name for name in header if name not in columns], exclude, path)
    possible = [name for name in header if name not in (*columns, *exclude)]
    time = next((name for name in possible if name in TIMES or name.lower() == TIMES[0]), None)
    apart = {series, time, *fields, *(_known(name, header, path) for name in exclude)}
    channels = tuple(columns) or tuple(name for name in header if name not in apart)
    others = tuple(dict.fromkeys((series, *([time] if time else []), *fields)))
    number = 0
    for part in _series(_lines(path, channels, others, time, names, delimiter), path):
        ids = part.fields[0]
        starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))  # (n,)
        if time is not None:
            _check_times(part, part.fields[1], starts, path, named=bool(columns))
        cells = tuple(_one_each(part, part.fields[others.index(name)], starts, name, path) for name in fields)
        lengths = np.diff(starts, append=len(part))
        numbers = np.arange(number + 1, number + 1 + len(starts))
        rejected, block = finite_sequences(numbers, Sequences(part.values, bounds_of(lengths)), cells, channels)
        number += len(starts)
        yield from rejected
        if len(block):
            yield block


def _known(name: str, header: Sequence[str], path: Path) -> str:
    """Return the name of a column; raises `DataError`, with the nearest name, when there is none."""
    return choose_column(header, name, (), path)


def _series_column(possible: Sequence[str], exclude: Sequence[str], path: Path) -> str:
    """Return the column that names the series: one of `SERIES`, else one that differs from them in case only.

    One that is in ``exclude`` is no channel, but names the series if no other does.
    """
    named = [name for name in possible if name in SERIES] or [name for name in possible if name.lower() in SERIES]
    named = [name for name in named if name not in exclude] or named
    if len(named) > 1:
        raise DataError(
            f"{path} has several columns that may name the series of each line: {', '.join(named)}; rename all "
            "but one, or leave them out with data.exclude"
        )
    if not named:
        raise DataError(
            f"{path} has no column that names the series of each line; name it {SERIES[0]}, or, if each line is a "
            "whole series with a column for each time, read the file as a table (data.reader=table). Its columns "
            f"are: {', '.join(possible[:20])}"
        )
    return named[0]


def _lines(
    path: Path,
    channels: Sequence[str],
    others: Sequence[str],
    time: str | None,
    names: Sequence[str],
    delimiter: str | None,
) -> Iterator[Block]:
    """Yield the lines of a table in blocks; raises `DataError` for one that cannot be used."""
    for record in read_table(path, channels, others, names=names, delimiter=delimiter):
        if isinstance(record, RejectedRow):
            raise DataError(
                f"{path}, row {record.number:,}: {record.reason}; a series cannot be used without it: correct it, "
                f"or leave cells empty where values are missing{_no_channel(record.reason)}"
            )
        texts = [np.array(cells, dtype=object) for cells in record.texts()]
        if time is not None:
            texts[1] = record.fields[1]
        yield replace(record, fields=tuple(texts), written=())


def _no_channel(reason: str) -> str:
    """Return what to do about a column of text, from the reason why a line of it was rejected."""
    match = re.match(r"not a number: (.*) is '", reason)
    if match is None:
        return ""
    return (
        f"; if {match[1]} is no channel, leave it out with `data.exclude={match[1]}`, or name the channels with "
        "data.columns"
    )


def _series(lines: Iterator[Block], path: Path) -> Iterator[Block]:
    """Yield blocks of whole series; raises `DataError` when the lines of one are not consecutive."""
    seen: set[Any] = set()
    rest: Block | None = None
    for block in lines:
        whole = block if rest is None else _joined(rest, block)
        ids = whole.fields[0]
        last = int(np.flatnonzero(ids != ids[-1])[-1]) + 1 if bool((ids != ids[-1]).any()) else 0
        rest = whole.take(np.arange(last, len(whole)))
        if last:
            yield _new(whole.take(np.arange(last)), seen, path)
    if rest is not None and len(rest):
        yield _new(rest, seen, path)


def _joined(first: Block, second: Block) -> Block:
    """Return the lines of both blocks."""
    fields = tuple(
        np.concatenate([one, two] if one.dtype == two.dtype else [one.astype(object), two.astype(object)])
        for one, two in zip(first.fields, second.fields, strict=True)
    )
    numbers, values = (
        np.concatenate([first.numbers, second.numbers]),
        np.concatenate([first.values, second.values]),
    )
    return Block(numbers, values, fields, first.columns)


def _new(block: Block, seen: set[Any], path: Path) -> Block:
    """Return the block, after a check that none of its series has ended before."""
    ids = block.fields[0]
    starts = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]]))
    for start in starts.tolist():
        name = ids[start]
        if name != name or name == "":
            raise DataError(f"{path}, row {block.numbers[start]:,}: the series has no name")
        if name in seen:
            raise DataError(
                f"{path}, row {block.numbers[start]:,}: the series {name!s} goes on after another one: sort the "
                "file by series and time"
            )
        seen.add(name)
    return block


def _check_times(part: Block, times: NDArray[Any], starts: NDArray[np.int64], path: Path, *, named: bool) -> None:
    """Raise `DataError` when times do not ascend within a series; ``named`` is as in `read_long`."""
    if times.dtype == object:  # texts, such as dates in ISO 8601, ascend as texts
        wrong = next((line for line, text in enumerate(times) if not SORTABLE.match(text)), None)
        if wrong is not None and named:
            return
        if wrong is not None:
            raise _unsortable(int(part.numbers[wrong]), times[wrong], path)
        backward = np.array([second <= first for first, second in pairwise(times)], dtype=bool)
    else:
        backward = ~(np.diff(times) > 0)
    backward[starts[1:] - 1] = False
    if backward.any():
        first = int(np.flatnonzero(backward)[0])
        equal = times[first] == times[first + 1]
        what = "the same as that" if equal else "not after that"
        remedy = "leave one of the lines out, or name two series differently" if equal else "sort the file"
        raise DataError(
            f"{path}, row {part.numbers[first + 1]:,}: the time, {times[first + 1]!s}, is {what} of the line "
            f"before: {remedy}"
        )


def _unsortable(line: int, time: str, path: Path) -> DataError:
    return DataError(
        f"{path}, row {line:,}: it is not known in which order the time {time!r} is written, such as day or month "
        "first: write numbers, or dates like 2024-04-03 and 2024-04-03T09:30, or, if the lines are in order, "
        "leave the column out with data.exclude"
    )


def _one_each(part: Block, cells: NDArray[Any], starts: NDArray[np.int64], name: str, path: Path) -> NDArray[Any]:
    """Return the value of a column for each series (n,); raises `DataError` when a series has several."""
    first = np.repeat(cells[starts], np.diff(starts, append=len(cells)))
    differs = (cells != first) & ~((cells != cells) & (first != first))
    if differs.any():
        line = int(np.flatnonzero(differs)[0])
        raise DataError(
            f"{path}, row {part.numbers[line]:,}: {name} differs within a series ({first[line]!s} and "
            f"{cells[line]!s}): labels and copied columns have one value for each series"
        )
    return cells[starts]
