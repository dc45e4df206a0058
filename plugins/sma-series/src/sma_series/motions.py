"""Simulated motions of three channels: a toy for the first command and for tests.

Each motion has a kind, which is the relation of its channels (phases and harmonics), and a tempo, which is drawn
independently of the kind. Length, phase, amplitude, offset and noise vary too.

Letters: n motions, n_i positions of motion i.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.files import creating, remove_leftovers
from sma_core.sources.data_sets import cache_folder

KINDS = ("circle", "eight", "swing", "spiral")
SHIPPED_MOTIONS = 1_200
SHIPPED_FILE = "motions-1.npz"
"""The number is increased when the simulation changes, to invalidate caches."""
SHORTEST, LONGEST = 24, 60
POSITIONS_PER_SECOND = 20.0
SLOWEST, FASTEST = 0.5, 2.5
"""Cycles per second."""
NOISE = 0.15


def motions() -> Path:
    """Return the path of 1,200 motions (seed 0), which are generated on first use and cached."""
    path = cache_folder() / "data" / "series" / SHIPPED_FILE
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        rows, kinds, tempos = generate(SHIPPED_MOTIONS, 0)
        with creating(path) as temporary, temporary.open("wb") as file:
            names = np.array([KINDS[kind] for kind in kinds.tolist()])
            np.savez(file, rows=padded(rows), kind=names, tempo=tempos, lengths=np.array(list(map(len, rows))))
    return path


def generate(count: int, seed: int) -> tuple[list[NDArray[np.float32]], NDArray[np.int64], NDArray[np.float64]]:
    """Return motions (n_i, 3), the index of each one's kind (n,), and the tempo in cycles per second (n,)."""
    draw = np.random.default_rng(seed)
    kinds = draw.integers(0, len(KINDS), count)
    tempos = draw.uniform(SLOWEST, FASTEST, count)
    rows = [_motion(draw, kind, tempo) for kind, tempo in zip(kinds.tolist(), tempos.tolist(), strict=True)]
    return rows, kinds, tempos


def _motion(draw: np.random.Generator, kind: int, tempo: float) -> NDArray[np.float32]:
    """Return one motion (n_i, 3)."""
    seconds = np.arange(draw.integers(SHORTEST, LONGEST + 1)) / POSITIONS_PER_SECOND  # (n_i,)
    phase = 2 * np.pi * (tempo * seconds + draw.uniform())
    growth = 1.0 + 0.5 * seconds
    channels = {
        "circle": (np.cos(phase), np.sin(phase), 0.2 * np.cos(phase)),
        "eight": (np.cos(phase), np.sin(2 * phase), 0.2 * np.cos(phase)),
        "swing": (np.cos(phase), np.cos(phase), 0.2 * np.cos(2 * phase)),
        "spiral": (growth * np.cos(phase), growth * np.sin(phase), 0.2 * growth),
    }[KINDS[kind]]
    motion = draw.uniform(0.7, 1.3) * np.stack(channels, axis=1) + draw.normal(0, 0.3, 3)
    return (motion + NOISE * draw.normal(size=motion.shape)).astype(np.float32)


def padded(rows: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return rows (n_i, C) as one array (n, N, C), NaN after the end of a row."""
    array = np.full((len(rows), max(map(len, rows)), rows[0].shape[1]), np.nan, dtype=np.float32)
    for part, row in zip(array, rows, strict=True):
        part[: len(row)] = row
    return array
