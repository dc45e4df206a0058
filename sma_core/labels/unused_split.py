"""Find a column of a user's file that may tell its split, when the rows are divided in another way."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from sma_core.config import SplitConfig
from sma_core.data.readers.csv import read_header
from sma_core.labels.split import Division
from sma_core.sources.data_sets import Source

USUAL = "split"
"""Name, in lower case, of a column that tells the part of each row."""


def unused_split(source: Source, config: SplitConfig, division: Division, used: Collection[str]) -> list[str]:
    """Return a sentence if a user's table has a column `USUAL` that is not among the ``used`` ones.

    There is none where the user names a splitter, or the split is fixed otherwise.
    """
    if source.spec is not None or config.name is not None or division.column or division.test_last is not None:
        return []
    columns = [name for name in _columns(source) if name.lower() == USUAL and name not in used]
    if not columns:
        return []
    return [
        f"{source.label} has a column {columns[0]!r}, which was not used: the rows were divided by the splitter "
        f"{division.splitter!r}; if the column tells training, validation and test rows, pass "
        f"`split.column={columns[0]}`"
    ]


def _columns(source: Source) -> list[str]:
    """Return the names of the columns of a local table; none for other files."""
    if not isinstance(source.file, Path):
        return []
    endings = source.file.suffixes[-2:]
    if ".csv" in endings or ".tsv" in endings:
        return read_header(source.file, source.options.get("delimiter")) if not source.names else []
    if endings[-1:] and endings[-1] in (".parquet", ".arrow", ".feather"):
        from sma_core.data.readers.parquet import column_names

        return column_names(source.file)
    return []
