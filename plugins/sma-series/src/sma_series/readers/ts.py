"""Read ``.ts`` files of time series, as of the UEA and UCR archives.

Lines beginning with ``@`` are a header. Each line after ``@data`` is a row: channels between colons, values of a
channel between commas, ``?`` or ``NaN`` where missing, and at the end the class or target, if the header has one.

Letters: n_i positions of a row, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen, finite_sequences, given_names, remaining
from sma_core.data.readers.other_columns import text_column
from sma_core.data.records import MISSING, MISSING_CLASSES, NOT_UTF8, RejectedRow, is_decoded
from sma_core.data.sequences import Sequences
from sma_core.data.streams import read_lines
from sma_core.errors import DataError

ROWS_IN_BLOCK = 1_024
LABEL = "label"
"""Name of the column of classes or targets."""


def read_ts(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of ``path`` in blocks; channels are named by ``names``, else by index from 0.

    ``exclude`` are channels that are not read.
    """
    chosen: Chosen | None = None
    listed: list[tuple[int, NDArray[np.float32], str]] = []
    channels = 0
    lines = (line.decode("utf-8", "surrogateescape").strip() for line in read_lines(path))
    classes = _header(lines, path)
    labelled = classes is not None
    number = 0
    for number, line in enumerate(filter(None, lines), start=1):
        row = _Row.parse(line, labelled, classes or ())
        if chosen is None and row.values is not None:
            channels = row.values.shape[1]
            known = [*given_names(names, channels, path), *([LABEL] if labelled else [])]
            wanted = columns or remaining(known[:channels], exclude, path)
            chosen = Chosen.among(known, wanted, fields, path, exclude)
        if row.values is None or row.values.shape[1] != channels:
            reason = row.reason or f"wrong number of channels: {_width(row)} instead of {channels}"
            yield RejectedRow(number, reason)
            continue
        listed.append((number, row.values, row.label))
        if chosen is not None and len(listed) == ROWS_IN_BLOCK:
            yield from _block(listed, chosen)
            listed = []
    if not number:
        raise no_rows(path)
    if chosen is not None and listed:
        yield from _block(listed, chosen)


def _header(lines: Iterator[str], path: Path) -> tuple[str, ...] | None:
    """Read the lines up to ``@data``; return the classes of the header, none for targets, None without labels."""
    classes: tuple[str, ...] | None = None
    for line in lines:
        words = line.strip().lower().split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "@data":
            return classes
        if not words[0].startswith("@"):
            raise DataError(f"{path} has a line that does not begin with @ before @data: {line.strip()[:60]!r}")
        if words[0] == "@timestamps" and words[1:2] == ["true"]:
            raise DataError(f"{path} has time stamps, which are not read: write one value per time")
        if words[0] in ("@classlabel", "@targetlabel"):
            classes = tuple(line.split()[2:]) if words[1:2] == ["true"] else None
    raise DataError(f"{path} has no line @data")


@dataclass(frozen=True)
class _Row:
    """The values (n_i, C) of a row and its label, or the reason why it cannot be used."""

    values: NDArray[np.float32] | None
    label: str = ""
    reason: str = ""

    @classmethod
    def parse(cls, line: str, labelled: bool, classes: Sequence[str]) -> _Row:
        """Parse a line; a label that is none of ``classes``, if there are any, cannot be used."""
        if not is_decoded(line):
            return cls(None, reason=NOT_UTF8)
        *parts, label = line.split(":") if labelled else (*line.split(":"), "")
        if not parts:
            return cls(None, reason="no values before the label")
        label = label.strip()
        if classes and label not in classes and label.lower() not in MISSING_CLASSES:
            return cls(None, reason=f"class not in the header: {label[:40]!r}")
        try:
            channels = [[_value(cell) for cell in part.split(",")] for part in parts]
        except ValueError as error:
            return cls(None, reason=f"not a number: {error}")
        lengths = sorted({len(channel) for channel in channels})
        if len(lengths) > 1:
            return cls(None, reason=f"channels of different lengths: {lengths[0]} and {lengths[-1]}")
        with np.errstate(over="ignore"):
            return cls(np.array(channels, dtype=np.float64).T.astype(np.float32), label)  # (n_i, C)


def _value(cell: str) -> float:
    """Return a number, NaN where missing."""
    text = cell.strip()
    if text.lower() in MISSING:
        return np.nan
    try:
        return float(text)
    except ValueError:
        raise ValueError(repr(text[:40])) from None


def _width(row: _Row) -> int:
    return 0 if row.values is None else row.values.shape[1]


def _block(
    listed: Sequence[tuple[int, NDArray[np.float32], str]], chosen: Chosen
) -> Iterator[Block | RejectedRow]:
    """Yield the rejected rows among ``listed``, and the block of the others."""
    channels = listed[0][1].shape[1]
    rows = [values[:, list(chosen.features)] for _, values, _ in listed]
    labels = text_column([label for _, _, label in listed])
    numbers = np.array([number for number, _, _ in listed], dtype=np.int64)
    fields = tuple(labels for index in chosen.fields if index == channels)
    rejected, block = finite_sequences(
        numbers, Sequences.joined(rows, len(chosen.features)), fields, chosen.columns
    )
    yield from rejected
    if len(block):
        yield block
