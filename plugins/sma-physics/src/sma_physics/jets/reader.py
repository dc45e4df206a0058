"""Block reader of files of particles: four channels of each particle, computed from its four-momentum.

The momenta are lists ``part_energy``, ``part_px``, ``part_py`` and ``part_pz`` of each jet, in Parquet or ROOT
files, as in JetClass; or in Parquet and HDF5 files one column for each particle, ``E_0``, ``PX_0``, ``PY_0``,
``PZ_0``, ``E_1``, …, as in the top-tagging set, where particles without momentum are padding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sma_core.data.blocks import Block
from sma_core.data.readers.features import remaining
from sma_core.data.readers.parquet import read_parquet
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences
from sma_core.errors import DataError
from sma_core.files import data_suffix
from sma_physics.jets.features import CHANNELS, MOMENTA, particles
from sma_physics.readers.hdf5 import hdf5_columns, read_hdf5
from sma_physics.readers.root import read_root

HDF5 = (".h5", ".hdf5")
PADDED = ("E", "PX", "PY", "PZ")
"""Beginnings of the names of columns with the momentum of one particle."""


def read_particles(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    tree: str | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the jets of ``path`` in blocks; ``names`` is not used, since columns have names.

    ``exclude`` are channels that are left out, or other columns of the file, which are none anyway. Raises
    `DataError` for columns other than `CHANNELS`, and when the file has no momenta.
    """
    unknown = [name for name in columns if name not in CHANNELS]
    if unknown:
        raise DataError(
            f"{path}: the channels of particles are {', '.join(CHANNELS)}, not {', '.join(unknown)}; for the "
            "columns of the file as they are, name its own reader with data.reader (parquet, root or hdf5)"
        )
    chosen = [CHANNELS.index(name) for name in columns or remaining(CHANNELS, exclude, path)]
    others = [name for name in exclude if name not in CHANNELS]
    for record in _momenta(path, (*fields, *others), tree):
        if isinstance(record, RejectedRow):
            yield record
            continue
        rows = particles(record.sequences)
        names_read = tuple(CHANNELS[index] for index in chosen)
        yield Block(record.numbers, rows.values[:, chosen], record.fields[: len(fields)], names_read, rows.offsets)


def _momenta(path: Path, fields: Sequence[str], tree: str | None) -> Iterator[Block | RejectedRow]:
    """Yield blocks of four-momenta (T, 4)."""
    if data_suffix(path) == ".root":
        yield from read_root(path, MOMENTA, fields, tree=tree)
        return
    if data_suffix(path) in HDF5:
        names = hdf5_columns(path)
        count = sum(name.startswith(f"{PADDED[0]}_") for name in names)
        if not count:
            raise DataError(
                f"{path} has no columns {', '.join(f'{part}_0' for part in PADDED)}, … of particles; to read "
                "other columns, use data.reader=hdf5"
            )
        padded = [f"{part}_{index}" for index in range(count) for part in PADDED]
        for record in read_hdf5(path, padded, fields):
            yield record if isinstance(record, RejectedRow) else _unpadded(record)
        return
    names = _column_names(path)
    if not set(MOMENTA) <= set(names) and f"{PADDED[0]}_0" in names:
        count = sum(name.startswith(f"{PADDED[0]}_") for name in names)
        padded = [f"{part}_{index}" for index in range(count) for part in PADDED]
        for record in read_parquet(path, padded, fields):
            yield record if isinstance(record, RejectedRow) else _unpadded(record)
        return
    yield from read_parquet(path, MOMENTA, fields)


def _column_names(path: Path) -> list[str]:
    """Return the names of the columns of a Parquet file; none if it cannot be read, which its reader reports."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        return list(parquet.read_schema(str(path)).names)
    except (pa.ArrowException, OSError):
        return []


def _unpadded(table: Block) -> Block:
    """Return a table (n, 4 N) as sequences (n_i, 4); padding, which has no momentum, is left out later."""
    count = len(table)
    values = table.values.reshape(-1, len(MOMENTA))  # (n, 4 N) -> (n N, 4)
    offsets = np.linspace(0, len(values), count + 1).astype(np.int64)
    rows = Sequences(values, offsets)
    return Block(table.numbers, rows.values, table.fields, MOMENTA, rows.offsets)
