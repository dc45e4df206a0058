"""Rows from standard input or the command line, for commands that read a file of rows.

Public API for authors of commands: `RowsFile`, `GivenRows` and `rows_file`.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sma_core.data.pairs import is_pair
from sma_core.errors import UserError

if TYPE_CHECKING:
    from sma_core.runs.record import RunRecord

RowsFile = Annotated[
    str | None,
    typer.Argument(
        metavar="FILE",
        help="A file, a folder, a pattern, a comma-separated list, a data set's name, or - for standard input.",
    ),
]
GivenRows = Annotated[
    list[str] | None,
    typer.Option("--row", metavar="TEXT", help="A row of text instead of a file; repeatable."),
]


@contextmanager
def rows_file(
    file: str | None, rows: list[str] | None, model: Path, reader: str | None, devices: int | None = None
) -> Iterator[tuple[str, str | None]]:
    """Yield the file to read and the name of its reader; standard input and ``rows`` become a temporary file.

    These have one row of text per line, or for a model of numbers a table with a header, unless ``reader`` is
    passed. Raises `UserError` unless the user passes either a file or rows.
    """
    if (file is None) == (not rows):
        raise UserError("pass a FILE, - for standard input, or rows with `rows=TEXT`, and only one of them")
    if file is not None and file != "-":
        yield file, reader
        return
    from sma_core.runs.run_folder import RunFolder
    from sma_core.runs.shipped_models import locate_model

    if devices is not None and devices > 1:
        raise UserError("rows of standard input or the command line are read by one process: omit `devices`")
    run = RunFolder.open(locate_model(model))
    record = run.record()
    is_text = record.tokenizer is not None
    column = run.config()["data"].get("column")
    if is_pair(column) and (rows or reader is None):
        raise UserError(
            f"{model} reads pairs of texts: pass a table with the columns {column}, from standard input with "
            "`reader=csv`"
        )
    if rows and not is_text:
        raise UserError(f"{model} reads rows of numbers: pass a table, with - from standard input")
    with tempfile.TemporaryDirectory(prefix="sma-") as folder:
        path = Path(folder) / ("command-line" if rows else "standard-input")
        if rows:
            path.write_bytes(_lines_of(rows, run.config()))
        else:
            if sys.stdin is None:
                raise UserError("standard input is closed: name a file")
            with path.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
            if not path.stat().st_size:
                raise UserError("standard input holds no rows")
            if reader is None and is_text and _begins_with(path, b">"):
                raise UserError(
                    "standard input begins with >, as FASTA does: name its reader with `reader=fasta`, or "
                    "`reader=lines` for a row per line"
                )
        yield str(path), reader or _reader(record)


def _begins_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _lines_of(rows: list[str], settings: dict[str, Any]) -> bytes:
    """Return rows as lines; raises `UserError` for an empty one, or one that is not valid text."""
    end = "\n\n" if settings["data"].get("blank_lines") == "separate" else "\n"
    lines = [" ".join(row.splitlines()) for row in rows]
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            raise UserError(f"row {number} of the command line is empty: leave it out")
    try:
        return "".join(f"{line}{end}" for line in lines).encode()
    except UnicodeEncodeError as error:
        raise UserError("a row of the command line is not valid UTF-8: write it to a file") from error


def _reader(record: RunRecord) -> str:
    """Return the reader of rows without a file name: lines, a table, or for sequences that of the domain."""
    from sma_core.plugins.registry import Registry

    if record.tokenizer is not None:
        return "lines"
    return Registry.load(record.domain.name).domain.reader if record.sequences else "table"
