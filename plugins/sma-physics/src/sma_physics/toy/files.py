"""Toy events in files: any number of them in bounded memory, and the set that ships.

Columns are the label, then the 28 features, as in the published file; unlike there, csv has a header.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import csv, parquet

from sma_core.errors import UserError
from sma_core.files import creating, remove_leftovers, replacing
from sma_core.sources.data_sets import cache_folder
from sma_physics.schema import FEATURE_NAMES, LABEL
from sma_physics.toy.events import LabelledEvents, generate

SHIPPED_EVENTS = 50_000
SHIPPED_FILE = "higgs-toy-1.parquet"
"""The number goes up when the simulator changes, so that no cache keeps older events."""

ENDINGS = (".csv", ".csv.gz", ".parquet")
_SCHEMA = pa.schema([(LABEL, pa.int8()), *((name, pa.float32()) for name in FEATURE_NAMES)])
_GZIP_LEVEL = 3

Write = Callable[[Any], None]


def higgs_toy() -> Path:
    """Return the file of 50,000 toy events, seed 0, in the cache folder; it is made at the first call."""
    path = cache_folder() / "data" / "physics" / SHIPPED_FILE
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        with creating(path) as temporary, _writer(path.name, temporary) as write:
            for block in generate(SHIPPED_EVENTS, 0):
                write(_table(block))
    return path


def write_events(path: Path, events: int, seed: int = 0) -> None:
    """Write ``events`` events to a ``.csv``, ``.csv.gz`` or ``.parquet`` file, which appears when it is complete.

    The same ``seed`` gives the same events. Raises `UserError` for another ending, a folder that is not there, and
    numbers of events or seeds that make no sense.
    """
    if not path.name.lower().endswith(ENDINGS):
        raise UserError(f"{path} must end with one of {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise UserError(f"there is no folder {path.parent} to write {path.name} into")
    if events < 1 or seed < 0:
        raise UserError(f"give at least 1 event and a seed from 0, not {events} and {seed}")
    with replacing(path) as temporary, _writer(path.name.lower(), temporary) as write:
        for block in generate(events, seed):
            write(_table(block))


def _table(block: LabelledEvents) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pa.table([block.labels, *block.features.T.copy()], schema=_SCHEMA)


@contextmanager
def _writer(name: str, place: Path) -> Iterator[Write]:
    """Open ``place`` for tables, in the format that ``name`` ends with."""
    with ExitStack() as opened:
        if name.endswith(".parquet"):
            yield opened.enter_context(parquet.ParquetWriter(str(place), _SCHEMA)).write_table
            return
        file: Any = opened.enter_context(place.open("wb"))
        if name.endswith(".gz"):  # no name and no time of day inside, so that equal events are equal files
            file = opened.enter_context(gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0))
        file.write(f"{','.join(_SCHEMA.names)}\n".encode())
        options = csv.WriteOptions(include_header=False)
        yield opened.enter_context(csv.CSVWriter(file, _SCHEMA, write_options=options)).write_table
