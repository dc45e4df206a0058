"""Files of toy events, written in bounded memory, and the default data set.

Columns are the label and the 28 features, as in the published file; CSV files also have a header.
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
from sma_core.paths import as_path, check_outputs
from sma_core.sources.data_sets import cached_file
from sma_physics.schema import FEATURE_NAMES, LABEL
from sma_physics.toy.events import LabelledEvents, generate

SHIPPED_EVENTS = 50_000
SHIPPED_FILE = "higgs-toy-1.parquet"
"""The number is increased when the simulation changes, to invalidate caches."""

ENDINGS = (".csv", ".csv.gz", ".parquet")
_SCHEMA = pa.schema([(LABEL, pa.int8()), *((name, pa.float32()) for name in FEATURE_NAMES)])
_GZIP_LEVEL = 3

Write = Callable[[Any], None]


def higgs_toy() -> Path:
    """Return the path of 50,000 toy events (seed 0), which are generated on first use and cached."""
    path = cached_file("physics", SHIPPED_FILE)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        with creating(path) as temporary, _writer(path.name, temporary) as write:
            for block in generate(SHIPPED_EVENTS, 0):
                write(_table(block))
    return path


def write_events(path: Path, events: int, seed: int = 0, force: bool = False) -> None:
    """Write ``events`` events to a ``.csv``, ``.csv.gz`` or ``.parquet`` file, atomically.

    Raises `UserError` for another suffix, a missing folder, fewer than 1 event, a negative seed, or a file that
    exists (unless ``force``).
    """
    path = as_path(path)
    check_outputs(path, force=force)
    if not path.name.lower().endswith(ENDINGS):
        raise UserError(f"{path} must end with one of {', '.join(ENDINGS)}")
    if not path.parent.is_dir():
        raise UserError(f"the folder {path.parent} does not exist")
    if events < 1 or seed < 0:
        raise UserError(f"events must be at least 1 and seed at least 0, got {events} and {seed}")
    with replacing(path) as temporary, _writer(path.name.lower(), temporary) as write:
        for block in generate(events, seed):
            write(_table(block))


def _table(block: LabelledEvents) -> Any:  # noqa: ANN401 - pyarrow has no types
    return pa.table([block.labels, *block.features.T.copy()], schema=_SCHEMA)


@contextmanager
def _writer(name: str, path: Path) -> Iterator[Write]:
    """Open ``path`` for writing tables, in the format of the suffix of ``name``."""
    with ExitStack() as opened:
        if name.endswith(".parquet"):
            yield opened.enter_context(parquet.ParquetWriter(str(path), _SCHEMA)).write_table
            return
        file: Any = opened.enter_context(path.open("wb"))
        if name.endswith(".gz"):  # without file name and time, for reproducible bytes
            file = opened.enter_context(gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0))
        file.write(f"{','.join(_SCHEMA.names)}\n".encode())
        options = csv.WriteOptions(include_header=False)
        yield opened.enter_context(csv.CSVWriter(file, _SCHEMA, write_options=options)).write_table
