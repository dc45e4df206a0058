"""Read a file as one row, so that a folder of documents is a data set; long ones are read in windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from sma_core.data.readers import refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import read_lines
from sma_core.errors import DataError


def read_document(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = (), strip: bool = True
) -> Iterator[Row | RejectedRow]:
    """Yield the text of ``path`` as row 1 with the file's name, a rejected row if it is empty or in UTF-16."""
    refuse_columns(path, column, fields)
    try:
        text = b"\n".join(read_lines(path)).decode("utf-8", "surrogateescape")
    except DataError as error:
        if not path.is_file():
            raise
        yield RejectedRow(1, str(error).removeprefix(f"{path} "), name=path.name)
        return
    yield row_or_rejected(1, text, (), path.name, strip=strip)
