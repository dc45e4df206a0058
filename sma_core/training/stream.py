"""The endless stream of batches behind a run, with a position that can be saved and returned to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from sma_core.config import TrainingConfig
from sma_core.data.batching.batches import Batch


class BatchSource(Protocol):
    """Batches by epoch and index; both methods are pure functions of their arguments."""

    def batches_in(self, epoch: int) -> int:
        """Return the number of batches of an epoch."""
        ...

    def batch(self, epoch: int, index: int) -> Batch:
        """Return one batch."""
        ...


class Ahead(Protocol):
    """Makes batches before they are asked for, in the order of the stream."""

    def batch(self, epoch: int, index: int) -> Batch:
        """Return one batch; the first call says where the stream stands, the others follow it."""
        ...

    def close(self) -> None:
        """Stop; a later call of `batch` begins anew."""
        ...


@dataclass
class BatchStream:
    """Walks through ``source`` epoch after epoch; ``epoch`` and ``index`` name the batch that comes next.

    They count what was taken, not what is made ``ahead``.
    """

    source: BatchSource
    epoch: int = 0
    index: int = 0
    ahead: Ahead | None = None

    def next(self) -> Batch:
        """Return the next batch and move on."""
        if self.index >= self.source.batches_in(self.epoch):
            self.epoch, self.index = self.epoch + 1, 0
        batch = (self.ahead or self.source).batch(self.epoch, self.index)
        self.index += 1
        return batch

    def close(self) -> None:
        """Let go of what is made ahead."""
        if self.ahead is not None:
            self.ahead.close()

    @property
    def passed(self) -> float:
        """Epochs consumed so far, as a fraction."""
        return self.epoch + self.index / max(self.source.batches_in(self.epoch), 1)


def count_steps(training: TrainingConfig, batches: int) -> int:
    """Return ``training.steps``, or the steps that ``training.epochs`` of ``batches`` batches come to."""
    if training.steps is not None:
        return training.steps
    return max(math.ceil((training.epochs or 0.0) * batches / training.accumulate), 1)
