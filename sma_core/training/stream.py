"""An endless stream of batches whose position can be saved and restored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from sma_core.config import TrainingConfig
from sma_core.data.batching.batches import Batch


class BatchSource(Protocol):
    """Batches by epoch and index; both methods are pure functions of their arguments."""

    def batches_in(self, epoch: int) -> int:
        """Return the number of batches in an epoch."""
        ...

    def batch(self, epoch: int, index: int) -> Batch:
        """Return one batch."""
        ...


class Prefetcher(Protocol):
    """Makes batches in advance, in the order of the stream."""

    def batch(self, epoch: int, index: int) -> Batch:
        """Return one batch; the first call sets the position, the following ones continue from it."""
        ...

    def close(self) -> None:
        """Stop; a later call of `batch` starts again."""
        ...


@dataclass
class BatchStream:
    """Iterates over ``source`` epoch after epoch; ``epoch`` and ``index`` are those of the next batch.

    Prefetched batches are not counted.
    """

    source: BatchSource
    epoch: int = 0
    index: int = 0
    ahead: Prefetcher | None = None

    def next(self) -> Batch:
        """Return the next batch and advance."""
        if self.index >= self.source.batches_in(self.epoch):
            self.epoch, self.index = self.epoch + 1, 0
        batch = (self.ahead or self.source).batch(self.epoch, self.index)
        self.index += 1
        return batch

    def close(self) -> None:
        """Stop prefetching."""
        if self.ahead is not None:
            self.ahead.close()

    @property
    def passed(self) -> float:
        """Number of epochs consumed so far, with fraction."""
        return self.epoch + self.index / max(self.source.batches_in(self.epoch), 1)


def count_steps(training: TrainingConfig, batches: int) -> int:
    """Return ``training.steps``, or the number of steps in ``training.epochs`` epochs of ``batches`` batches."""
    if training.steps is not None:
        return training.steps
    return max(math.ceil((training.epochs or 0.0) * batches / training.accumulate), 1)
