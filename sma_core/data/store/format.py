"""The store's file format: its columns, and what its metadata say.

An Arrow IPC file, not compressed, version 3. The first column holds the rows, in one of two layouts:
``ids`` (list of uint16, or uint32 for a large vocabulary) or ``values`` (fixed-size list of float32, NaN
where missing). ``row`` is the number of the row in its source. Labelled stores also have ``text`` (with
ids), and ``targets`` (list of float32, NaN where missing) or ``symbols`` (list of int16, one for each id, -1
where nothing is known), and a column ``extra:NAME`` of text for every further column of the source that came
along. The schema's metadata tell what made the rows; an empty record batch at the end
carries the statistics and shows that the file is whole. Version 1 had ids and targets only, version 2 no extra
texts; both are still read.

Letters: n rows, F features, K targets.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from sma_core.errors import DataError

FORMAT_VERSION = 3
KEY = b"sma.store"
SYMBOL_TYPE = np.dtype(np.int16)

LabelForm = Literal["numbers", "classes", "symbols"]
"""What labels are: numbers, one class name a row, or a symbol for every character of the row."""


@dataclass(frozen=True, kw_only=True)
class StoreMetadata:
    """What made the rows of a store: kept so that no run mixes stores of different tokenizers."""

    tokenizer: str = ""
    tokenizer_version: str = ""
    vocabulary_size: int = 0
    source: str = ""
    """Fingerprint of the source file and of how it was prepared."""
    targets: tuple[str, ...] = ()
    """Names of the target columns, in the order of the values."""
    has_text: bool = False
    columns: tuple[str, ...] = ()
    """Names of the F features; empty in a store of ids."""
    label_form: LabelForm = "numbers"
    extras: tuple[str, ...] = ()
    """Names of further columns of the source whose texts came along with the rows."""

    @property
    def holds_values(self) -> bool:
        """Whether rows are numbers and not ids."""
        return bool(self.columns)

    @property
    def has_symbols(self) -> bool:
        """Whether every id has a label of its own."""
        return bool(self.targets) and self.label_form == "symbols"

    @property
    def row_type(self) -> np.dtype[Any]:
        """Type of one id or value."""
        if self.holds_values:
            return np.dtype(np.float32)
        return np.dtype(np.uint16 if self.vocabulary_size <= 1 << 16 else np.uint32)

    def schema(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the file's columns, with these metadata."""
        element = pa.from_numpy_dtype(self.row_type)
        rows = (
            ("values", pa.list_(element, len(self.columns))) if self.holds_values else ("ids", pa.list_(element))
        )
        columns = [rows, ("row", pa.int64())]
        if self.has_text:
            columns.append(("text", pa.string()))
        columns.extend((extra_column(name), pa.string()) for name in self.extras)
        if self.has_symbols:
            columns.append(("symbols", pa.list_(pa.from_numpy_dtype(SYMBOL_TYPE))))
        elif self.targets:
            columns.append(("targets", pa.list_(pa.float32())))
        head = {"format_version": FORMAT_VERSION, **asdict(self)}
        return pa.schema(columns, metadata={KEY: json.dumps(head)})


def extra_column(name: str) -> str:
    """Return what the file calls the column of the source's extra texts ``name``."""
    return f"extra:{name}"


@dataclass(frozen=True, kw_only=True)
class StoreStatistics:
    """Figures of a finished store."""

    rows: int
    ids: int
    """Ids or values of all rows together."""
    longest: int
    classes: tuple[str, ...] = ()
    """Class names or symbols by the number that stands for them in the file."""


def read_metadata(path: Path, reader: Any) -> tuple[StoreMetadata, StoreStatistics]:  # noqa: ANN401
    """Read what an opened Arrow file says of itself; raises `DataError` when it is no store or a later one."""
    packed = (reader.schema.metadata or {}).get(KEY)
    if packed is None:
        raise DataError(f"{path} is an Arrow file, but not a store of this program; prepare the data again")
    head = json.loads(packed)
    version = head.pop("format_version")
    if version > FORMAT_VERSION:
        raise DataError(
            f"{path} has store format {version}, this program reads up to {FORMAT_VERSION}; "
            "update sma-core or prepare the data again"
        )
    _, closing = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)
    statistics = json.loads((closing or {})[KEY])
    statistics.pop("scale", None)  # earlier programs kept mean and spread of the features here
    for facts, name in ((head, "targets"), (head, "columns"), (head, "extras"), (statistics, "classes")):
        facts[name] = tuple(facts.get(name, ()))
    return StoreMetadata(**head), StoreStatistics(**statistics)
