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
from typing import Annotated

import typer

from sma_core.errors import UserError

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
    if devices is not None and devices > 1:
        raise UserError("rows of standard input or the command line are read by one process: omit `devices`")
    is_text = _reads_text(model)
    if rows and not is_text:
        raise UserError(f"{model} reads rows of numbers: pass a table, with - from standard input")
    with tempfile.TemporaryDirectory(prefix="sma-") as folder:
        path = Path(folder) / ("command-line" if rows else "standard-input")
        if rows:
            path.write_text("".join(f"{' '.join(row.splitlines())}\n" for row in rows), encoding="utf-8")
        else:
            with path.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy)
        yield str(path), reader or ("lines" if is_text else "table")


def _reads_text(model: Path) -> bool:
    """Return whether a run, or a model that ships with a plugin, reads rows of text."""
    from sma_core.runs.run_folder import RunFolder
    from sma_core.runs.shipped_models import locate_model

    return RunFolder.open(locate_model(model)).record().tokenizer is not None
