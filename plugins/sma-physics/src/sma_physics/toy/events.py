"""Generation of labelled toy events in blocks.

The class of each row is drawn first; the row is then the next selected event of that class. Events are generated
in batches of fixed size, each with its own random stream (seed, class, batch number), so rows depend neither on
the number of events nor on the block size.

Shapes: n events, F = 28 features.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sma_physics.schema import FEATURE_NAMES
from sma_physics.toy import constants
from sma_physics.toy.detector import measure
from sma_physics.toy.draws import Draws
from sma_physics.toy.features import compute_features
from sma_physics.toy.processes import Process, make_background, make_signal

Features = NDArray[np.float32]

BATCH = 8192
"""Events generated together before the selection; small enough for the CPU cache."""

ROWS_IN_BLOCK = 65_536
_LABELS, _EVENTS = 0, 1
_PROCESSES: tuple[Process, Process] = (make_background, make_signal)


@dataclass(frozen=True)
class LabelledEvents:
    """Labels (n,), 1 for signal and 0 for background, and features (n, F) of events."""

    labels: NDArray[np.int8]
    features: Features


def generate(events: int, seed: int = 0, rows_in_block: int = ROWS_IN_BLOCK) -> Iterator[LabelledEvents]:
    """Yield ``events`` selected events in blocks; they are determined by ``seed``.

    Raises `ValueError` if ``events`` or ``seed`` is negative, or ``rows_in_block`` is less than 1.
    """
    if events < 0 or seed < 0 or rows_in_block < 1:
        raise ValueError("events and seed must not be negative, and rows_in_block must be at least 1")
    streams = [_Selected(label, seed) for label in (0, 1)]
    draws = Draws(seed, _LABELS)
    for start in range(0, events, rows_in_block):
        count = min(rows_in_block, events - start)
        labels = (draws.uniform(count) < constants.SIGNAL_SHARE).astype(np.int8)
        features = np.empty((count, len(FEATURE_NAMES)), dtype=np.float32)
        for label, stream in enumerate(streams):
            rows = np.flatnonzero(labels == label)
            features[rows] = stream.take(len(rows))
        yield LabelledEvents(labels, features)


class _Selected:
    """Stream of the selected events of one class."""

    def __init__(self, label: int, seed: int) -> None:
        self._label, self._seed, self._batch = label, seed, 0
        self._rest: Features = np.empty((0, len(FEATURE_NAMES)), dtype=np.float32)

    def take(self, count: int) -> Features:
        """Return the next ``count`` events (count, F)."""
        parts, count_so_far = [self._rest], len(self._rest)
        while count_so_far < count:
            parts.append(self._make())
            count_so_far += len(parts[-1])
        events = np.concatenate(parts)
        self._rest = events[count:]
        return events[:count]

    def _make(self) -> Features:
        draws = Draws(self._seed, _EVENTS, self._label, self._batch)
        self._batch += 1
        return compute_features(measure(_PROCESSES[self._label](draws, BATCH), draws))
