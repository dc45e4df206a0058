"""Make batches in worker processes while the model computes, with torch's data loader.

A worker receives epoch and index of batches, and opens the store by its path. Batches are returned in the
requested order, so a run is bitwise equal for any number of workers.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from sma_core.children import CHILDREN
from sma_core.data.batching.batches import Batch
from sma_core.errors import DataError, SmaError
from sma_core.signals import ignore_stop_signals
from sma_core.training.stream import BatchSource, BatchStream

BATCHES_AHEAD = 4
"""Prefetched batches per worker."""
SECONDS_TO_DIE = 5.0
"""Seconds to wait for the exit of a worker whose pipe closed."""
DEAD = "DataLoader worker"
"""Prefix of torch's messages about dead workers."""
Number = tuple[int, int]
"""Epoch and index of a batch."""


class _Batches(Dataset[Batch | SmaError]):
    """Dataset of the batches of ``source`` by number; returns `SmaError` instead of raising it."""

    def __init__(self, source: BatchSource) -> None:
        self._source = source

    def __getitem__(self, number: Number) -> Batch | SmaError:
        try:
            return self._source.batch(*number)
        except SmaError as error:
            return error


class _Numbers(Sampler[Number]):
    """Sampler that yields batch numbers from ``start`` on, epoch after epoch, endlessly."""

    def __init__(self, source: BatchSource, start: Number) -> None:
        self._source, self._start = source, start

    def __iter__(self) -> Iterator[Number]:
        epoch, index = self._start
        while True:
            for number in range(index, self._source.batches_in(epoch)):
                yield epoch, number
            epoch, index = epoch + 1, 0


class BatchWorkers:
    """Makes the batches of ``source`` in ``workers`` processes, started at the first request."""

    def __init__(self, source: BatchSource, workers: int, device: torch.device) -> None:
        self._source, self._workers, self._device = source, workers, device
        self._batches: Iterator[Batch | SmaError] | None = None
        self._next_number: Number | None = None

    def batch(self, epoch: int, index: int) -> Batch:
        """Return the requested batch; restart the workers if it is not the next one."""
        if self._batches is None or (self._next_number is not None and self._next_number != (epoch, index)):
            self._batches = self._from((epoch, index))
        batch = _next(self._batches)
        if isinstance(batch, SmaError):
            raise batch
        is_last = index + 1 >= self._source.batches_in(epoch)
        self._next_number = (epoch + 1, 0) if is_last else (epoch, index + 1)
        return batch

    def close(self) -> None:
        """Stop the processes."""
        self._batches = self._next_number = None

    def _from(self, start: Number) -> Iterator[Batch | SmaError]:
        loader: DataLoader[Batch | SmaError] = DataLoader(
            _Batches(self._source),
            batch_size=None,
            sampler=_Numbers(self._source, start),
            num_workers=self._workers,
            prefetch_factor=BATCHES_AHEAD,
            pin_memory=self._device.type == "cuda",
            worker_init_fn=ignore_stop_signals,
            multiprocessing_context=CHILDREN,
            generator=torch.Generator(),  # separate, so that the run's random state does not depend on workers
        )
        return iter(loader)


def _next(batches: Iterator[Batch | SmaError]) -> Batch | SmaError:
    """Return the next batch; raises `RuntimeError` if its worker is dying.

    The pipe of a dying worker closes before SIGCHLD arrives, whose handler in torch raises; so wait for it.
    """
    try:
        return next(batches)
    except (OSError, EOFError) as error:
        if str(error).startswith("Caught "):  # raised in a live worker and re-raised by torch
            raise
        time.sleep(SECONDS_TO_DIE)
        raise RuntimeError(f"{DEAD} cannot be reached: {error!r}") from error


@contextmanager
def worker_errors(stream: BatchStream) -> Iterator[None]:
    """Close the stream at the end; raises `DataError` if a worker died in the block."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith(DEAD):
            raise
        raise DataError(
            f"a data worker died, perhaps out of memory ({_first_line(error)}); the last checkpoints are "
            "kept: continue with `resume`, perhaps with fewer workers (training.workers=0)"
        ) from error
    finally:
        stream.close()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")
