"""Two sets of the UEA archive, read from SMA_DATA or the files in the package aeon, which is not imported.

Training and test rows are joined in one file in the cache; a column ``split`` keeps them apart.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.other_columns import class_name
from sma_core.errors import DataError, UserError
from sma_core.files import creating, remove_leftovers
from sma_core.sources.data_sets import cache_folder
from sma_series.motions import padded
from sma_series.readers.ts import LABEL, read_ts

TRAIN, TEST = "train", "test"


def japanese_vowels() -> Path:
    """Return the path of JapaneseVowels: 270 training and 370 test rows."""
    return _joined("JapaneseVowels")


def basic_motions() -> Path:
    """Return the path of BasicMotions: 40 training and 40 test rows."""
    return _joined("BasicMotions")


def _joined(name: str) -> Path:
    """Return a file of all rows of a set, which is made on first use; raises `UserError` without its files."""
    path = cache_folder() / "data" / "series" / f"{name}-1.npz"
    if path.is_file():
        return path
    folder = _folder(name)
    rows: list[NDArray[np.float32]] = []
    labels: list[str] = []
    parts: list[str] = []
    for part in (TRAIN, TEST):
        for block in read_ts(folder / f"{name}_{part.upper()}.ts", (), (LABEL,)):
            if not isinstance(block, Block):
                raise DataError(f"{folder / name}, row {block.number}: {block.reason}")
            rows += [block.sequences[row] for row in range(len(block))]
            labels += map(class_name, block.fields[0].tolist())
            parts += [part] * len(block)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    with creating(path) as temporary, temporary.open("wb") as file:
        lengths = np.array([len(row) for row in rows])
        np.savez(file, rows=padded(rows), label=np.array(labels), split=np.array(parts), lengths=lengths)
    return path


def _folder(name: str) -> Path:
    """Return the folder of the files of a set; raises `UserError` when there is none."""
    places = [Path(root) / "series" for root in [os.environ.get("SMA_DATA")] if root]
    spec = find_spec("aeon")
    if spec is not None and spec.origin is not None:
        places.append(Path(spec.origin).parent / "datasets" / "data" / name)
    files = [f"{name}_{part.upper()}.ts" for part in (TRAIN, TEST)]
    for place in places:
        if all((place / file).is_file() for file in files):
            return place
    raise UserError(
        f"{' and '.join(files)} are neither in SMA_DATA/series nor in the package aeon: put them there, or "
        "pip install --no-deps aeon, of which only the files are read"
    )
