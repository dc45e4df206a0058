"""The toy jets as a data set: a Parquet file with lists of four-momenta and labels, named as those of JetClass."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from sma_core.files import creating, remove_leftovers
from sma_core.sources.data_sets import cached_file
from sma_physics.jets.features import MOMENTA
from sma_physics.jets.simulation import Jets, simulate

SHIPPED_JETS = 12_000
SHIPPED_FILE = "jets-toy-1.parquet"
"""The number is increased when the simulation changes, to invalidate caches."""


def jets_toy() -> Path:
    """Return the path of 12,000 toy jets (seed 0), which are generated on first use and cached."""
    path = cached_file("jets", SHIPPED_FILE)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        with creating(path) as temporary:
            parquet.write_table(jet_table(simulate(SHIPPED_JETS, 0)), temporary)
    return path


def jet_table(jets: Jets) -> pa.Table:
    """Return a row for each jet: four lists of momenta, ``prongs``, and ``signal``, 1 for two or three prongs."""
    offsets = pa.array(jets.offsets.astype(np.int32))
    lists = {
        name: pa.ListArray.from_arrays(offsets, pa.array(column.astype(np.float32)))
        for name, column in zip(MOMENTA, jets.momenta.T, strict=True)
    }
    prongs = {"prongs": jets.prongs.astype(np.int8), "signal": (jets.prongs > 1).astype(np.int8)}
    return pa.table({**lists, **prongs})
