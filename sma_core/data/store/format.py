"""The store's file format: columns and metadata.

An uncompressed Arrow IPC file, version 3, or 4 for sequences of vectors, 5 if these are float16 or uint8, and 6 if
rows have targets, and 7 if labels of characters are not one for each id. Columns:

- ``ids`` (list of uint16, or uint32 for a large vocabulary) or ``values`` (fixed-size list of float32, NaN where
  missing; for sequences a list of them, one per position): the rows.
- ``row`` (int64): row number in the source.
- ``text`` (string): raw text, in labelled stores of ids.
- ``extra:NAME`` (string): a further column of the source.
- ``targets`` (list of float64, NaN where missing; float32 before version 6) or ``symbols`` (list of int16 per id,
  or per character, -1 where unknown): labels.
- ``characters`` (list of int32 per id): with symbols per character, the number of characters of each id.

The schema's metadata describe how the rows were made. An empty last record batch carries the statistics and marks
the file as complete. Version 1 has only ids and targets, version 2 no extra texts; both can be read.

Letters: n rows, F features, C channels, K targets.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from sma_core.documents import parse_record, validated
from sma_core.errors import DataError

FORMAT_VERSION = 7
"""Latest format that can be read. Rows are written in the lowest version that has them, for earlier programs."""
TABLE_VERSION, SEQUENCE_VERSION, TYPED_VERSION, TARGETS_VERSION, CHARACTERS_VERSION = 3, 4, 5, 6, 7
KEY = b"sma.store"
SYMBOL_TYPE, COUNT_TYPE = np.dtype(np.int16), np.dtype(np.int32)

ValueType = Literal["float32", "float16", "uint8"]
"""Type in which values are stored."""
LabelForm = Literal["numbers", "censored", "classes", "symbols"]
"""Form of labels: numbers, numbers or limits such as <5.2, one class name per row, or one symbol per character."""


@dataclass(frozen=True, kw_only=True)
class StoreMetadata:
    """How the rows of a store were made, so that stores of different tokenizers are never mixed."""

    tokenizer: str = ""
    tokenizer_version: str = ""
    vocabulary_size: int = 0
    source: str = ""
    """Fingerprint of the source file and the preparation settings."""
    targets: tuple[str, ...] = ()
    """Names of the target columns, in the order of the values."""
    has_text: bool = False
    columns: tuple[str, ...] = ()
    """Names of the F features, or C channels of sequences; empty in a store of ids."""
    label_form: LabelForm = "numbers"
    extras: tuple[str, ...] = ()
    """Names of further source columns stored as text."""
    sequences: bool = False
    """Whether rows are sequences of vectors with C channels."""
    value_type: ValueType = "float32"
    """Type of the values of sequences; tables are float32."""
    by_character: bool = False
    """Whether symbols belong to characters, of which an id may stand for several, and not to ids."""

    @property
    def holds_values(self) -> bool:
        """Whether rows are numbers instead of ids."""
        return bool(self.columns)

    @property
    def has_symbols(self) -> bool:
        """Whether every id, or every character, has a label."""
        return bool(self.targets) and self.label_form == "symbols"

    @property
    def row_type(self) -> np.dtype[Any]:
        """Type of one id or value."""
        if self.holds_values:
            return np.dtype(self.value_type)
        return np.dtype(np.uint16 if self.vocabulary_size <= 1 << 16 else np.uint32)

    def schema(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the Arrow schema with these metadata."""
        columns = [("values" if self.holds_values else "ids", self._rows_type()), ("row", pa.int64())]
        if self.has_text:
            columns.append(("text", pa.string()))
        columns.extend((extra_column(name), pa.string()) for name in self.extras)
        if self.has_symbols:
            columns.append(("symbols", pa.list_(pa.from_numpy_dtype(SYMBOL_TYPE))))
            if self.by_character:
                columns.append(("characters", pa.list_(pa.from_numpy_dtype(COUNT_TYPE))))
        elif self.targets:
            columns.append(("targets", pa.list_(pa.float64())))
        head = {"format_version": self._version(), **asdict(self)}
        if not self.sequences:
            del head["sequences"]
        if self.value_type == "float32":
            del head["value_type"]
        if not self.by_character:
            del head["by_character"]
        return pa.schema(columns, metadata={KEY: json.dumps(head)})

    def _version(self) -> int:
        if self.targets and not self.has_symbols:
            return TARGETS_VERSION
        if self.by_character:
            return CHARACTERS_VERSION
        if not self.sequences:
            return TABLE_VERSION
        return SEQUENCE_VERSION if self.value_type == "float32" else TYPED_VERSION

    def _rows_type(self) -> Any:  # noqa: ANN401 - pyarrow has no types
        element = pa.from_numpy_dtype(self.row_type)
        if not self.holds_values:
            return pa.list_(element)
        vector = pa.list_(element, len(self.columns))
        return pa.list_(vector) if self.sequences else vector


def extra_column(name: str) -> str:
    """Return the name of the store column for the extra column ``name``."""
    return f"extra:{name}"


@dataclass(frozen=True, kw_only=True)
class StoreStatistics:
    """Statistics of a complete store."""

    rows: int
    ids: int
    """Total number of ids or values."""
    longest: int
    classes: tuple[str, ...] = ()
    """Class names or symbols by their number in the file."""


def read_metadata(path: Path, reader: Any) -> tuple[StoreMetadata, StoreStatistics]:  # noqa: ANN401
    """Read metadata and statistics of an Arrow file.

    Raises `DataError` for a foreign file or later format, `ValueError` for damaged entries.
    """
    packed = (reader.schema.metadata or {}).get(KEY)
    if packed is None:
        raise DataError(f"{path} is an Arrow file, but not a store of this program; prepare the data again")
    head = parse_record(packed, dict[str, Any])
    version = head.get("format_version")
    if not isinstance(version, int):
        raise ValueError("it has no format version")
    if version > FORMAT_VERSION:
        raise DataError(
            f"{path} has store format {version}, this program reads up to {FORMAT_VERSION}; "
            "update sma-core or prepare the data again"
        )
    _, closing = reader.get_batch_with_custom_metadata(reader.num_record_batches - 1)
    # entries of earlier versions that are not fields are left out
    return validated(head, StoreMetadata), parse_record((closing or {})[KEY], StoreStatistics)
