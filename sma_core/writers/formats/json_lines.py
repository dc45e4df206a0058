"""One JSON object per line, missing cells null."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sma_core.writers.formats.writer import Columns, TableWriter


@contextmanager
def json_lines_format(path: Path, suffix: str) -> Iterator[TableWriter]:
    """Open a file of JSON lines."""
    with path.open("w", newline="", encoding="utf-8") as file:
        yield _JsonLines(file)


class _JsonLines:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, columns: Columns) -> None:
        for cells in zip(*(column.to_pylist() for column in columns.values()), strict=True):
            self._file.write(json.dumps(dict(zip(columns, cells, strict=True)), ensure_ascii=False) + "\n")
