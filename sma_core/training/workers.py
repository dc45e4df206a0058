"""Data workers: processes that make the coming batches while the model computes, through torch's loader.

A worker is told numbers of batches, and opens the store anew by its path. Batches come back in the order in which
they are asked for, so a run has the same bits with any number of workers.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from sma_core.data.batching.batches import Batch
from sma_core.errors import DataError, SmaError
from sma_core.signals import STOP_SIGNALS
from sma_core.training.stream import BatchSource, BatchStream

BATCHES_AHEAD = 4
"""For each worker."""
SECONDS_TO_DIE = 5.0
"""How long a worker whose connection broke may take to be dead."""
DEAD = "DataLoader worker"
"""How torch begins what it says of a worker that is dead."""
Number = tuple[int, int]
"""Epoch and index of a batch."""


class _Batches(Dataset[Batch | SmaError]):
    """The batches of ``source`` by their numbers; an error of ours comes back as it is."""

    def __init__(self, source: BatchSource) -> None:
        self._source = source

    def __getitem__(self, number: Number) -> Batch | SmaError:
        try:
            return self._source.batch(*number)
        except SmaError as error:
            return error


class _Numbers(Sampler[Number]):
    """The numbers of all batches from one on, epoch after epoch, without an end."""

    def __init__(self, source: BatchSource, start: Number) -> None:
        self._source, self._start = source, start

    def __iter__(self) -> Iterator[Number]:
        epoch, index = self._start
        while True:
            for number in range(index, self._source.batches_in(epoch)):
                yield epoch, number
            epoch, index = epoch + 1, 0


class BatchWorkers:
    """Makes the batches of ``source`` in ``workers`` processes, which start when the first is asked for."""

    def __init__(self, source: BatchSource, workers: int, device: torch.device) -> None:
        self._source, self._workers, self._device = source, workers, device
        self._coming: Iterator[Batch | SmaError] | None = None
        self._due: Number | None = None

    def batch(self, epoch: int, index: int) -> Batch:
        """Return the batch that is due; the first call says which that is. Raises what making it raised."""
        if self._coming is None or (self._due is not None and self._due != (epoch, index)):
            self._coming = self._from((epoch, index))
        found = _next(self._coming)
        if isinstance(found, SmaError):
            raise found
        more = index + 1 < self._source.batches_in(epoch)
        self._due = (epoch, index + 1) if more else (epoch + 1, 0)
        return found

    def close(self) -> None:
        """Stop the processes."""
        self._coming = self._due = None

    def _from(self, start: Number) -> Iterator[Batch | SmaError]:
        loader: DataLoader[Batch | SmaError] = DataLoader(
            _Batches(self._source),
            batch_size=None,
            sampler=_Numbers(self._source, start),
            num_workers=self._workers,
            prefetch_factor=BATCHES_AHEAD,
            pin_memory=self._device.type == "cuda",
            worker_init_fn=_leave_signals_to_the_parent,
            multiprocessing_context="spawn",
            generator=torch.Generator(),  # its own: the run's draws must not depend on workers
        )
        return iter(loader)


def _next(coming: Iterator[Batch | SmaError]) -> Batch | SmaError:
    """Return the next batch; raise `RuntimeError` when its worker is dying.

    The way to such a worker breaks a moment before the system tells of its death, at which torch's handler raises,
    wherever the program is: so this is waited for here.
    """
    try:
        return next(coming)
    except (OSError, EOFError) as error:
        if str(error).startswith("Caught "):  # raised in a worker that lives, and brought here by torch
            raise
        time.sleep(SECONDS_TO_DIE)
        raise RuntimeError(f"{DEAD} cannot be reached: {error!r}") from error


@contextmanager
def worker_errors(stream: BatchStream) -> Iterator[None]:
    """Close the stream at the end; raise `DataError` when a worker died, which torch reports anywhere inside."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith(DEAD):
            raise
        raise DataError(
            f"a data worker died, perhaps for lack of memory ({_first_line(error)}); the last checkpoints are "
            "kept: go on with --resume, perhaps with fewer workers (--set training.workers=0)"
        ) from error
    finally:
        stream.close()


def _first_line(error: BaseException) -> str:
    return str(error).partition("\n")[0].rstrip(".")


def _leave_signals_to_the_parent(worker: int) -> None:
    """Ignore what asks for a stop, which often reaches a whole group: the step under way still needs batches."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
