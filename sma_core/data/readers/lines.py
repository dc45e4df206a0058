"""Read ``.txt``: one row per line, or per paragraph."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import LONGEST_LINE, read_lines
from sma_core.errors import DataError


def read_text(
    path: Path,
    column: str | None,
    fields: Sequence[str],
    *,
    usual: Sequence[str] = (),
    strip: bool = True,
    blank_lines: Literal["reject", "skip", "separate"] = "reject",
) -> Iterator[Row | RejectedRow]:
    """Yield the lines of ``path``, or the paragraphs if blank lines ``separate`` rows, numbered from 1.

    Blank lines that are skipped are not counted. Raises `DataError` when columns are requested.
    """
    refuse_columns(path, column, fields)
    lines = _paragraphs(path) if blank_lines == "separate" else read_lines(path)
    number = 0
    for line in lines:
        if blank_lines == "skip" and not line.strip():
            continue
        number += 1
        yield row_or_rejected(number, line.decode("utf-8", "surrogateescape"), strip=strip)
    if not number:
        raise no_rows(path)


def _paragraphs(path: Path) -> Iterator[bytes]:
    """Yield consecutive lines between blank ones, joined by LF; raises `DataError` for an endless paragraph."""
    joined, size = [], 0
    for line in read_lines(path):
        if line.strip():
            joined.append(line)
            size += len(line)
            if size > LONGEST_LINE:
                raise DataError(f"{path} has over {LONGEST_LINE >> 20} MB without a blank line; separate its rows")
        elif joined:
            yield b"\n".join(joined)
            joined, size = [], 0
    if joined:
        yield b"\n".join(joined)
