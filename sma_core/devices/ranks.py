"""Communication between the ranks of a training run.

Ranks are started by torchrun (or ``sma train --devices N``, which starts its agent) and form a torch process
group: gloo for CPU tensors, NCCL for GPU tensors. A single process is rank 0 of 1, and all functions are no-ops.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import Tensor
from torch._C._distributed_c10d import FileStore

from sma_core.errors import EXIT_DEFECT, OtherRankFailed, SmaError

PATIENCE = timedelta(hours=24)
"""Timeout for collectives: data preparation may take long. The agent stops all ranks when one dies."""
STORE = "SMA_STORE"
"""Environment variable with the file store of the ranks of one machine."""


@dataclass(frozen=True)
class Ranks:
    """Rank ``rank`` of ``size``; ``local`` is the rank on this machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this is rank 0, which writes files and prints."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether this is the only rank."""
        return self.size == 1

    def any(self, flag: bool) -> bool:
        """Return on all ranks whether ``flag`` is True on any of them."""
        return flag if self.alone else bool(self.total(torch.tensor(int(flag))) > 0)

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum over ranks, bitwise equal on all of them, without synchronising the device."""
        if self.alone:
            return tensor
        summed = tensor.detach().clone()
        dist.all_reduce(summed)
        return summed

    def broadcast_text(self, text: str) -> str:
        """Broadcast a string from rank 0."""
        if self.alone:
            return text
        content = torch.tensor(list(text.encode()) if self.first else [], dtype=torch.uint8)
        length = torch.tensor([len(content)])
        dist.broadcast(length, 0)
        if not self.first:
            content = torch.zeros(int(length), dtype=torch.uint8)
        dist.broadcast(content, 0)
        return bytes(content.tolist()).decode()

    def rows(self, array: NDArray[Any]) -> NDArray[Any]:
        """Concatenate the arrays of all ranks in rank order; they may differ in length only."""
        if self.alone:
            return array
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(array)]))
        longest = max(int(length) for length in lengths)
        padded = np.zeros((longest, *array.shape[1:]), dtype=array.dtype)
        padded[: len(array)] = array
        local = torch.from_numpy(padded)
        gathered = [torch.zeros_like(local) for _ in range(self.size)]
        dist.all_gather(gathered, local)
        parts = zip(gathered, lengths, strict=True)
        return np.concatenate([part[: int(length)].numpy() for part, length in parts])

    def barrier(self) -> None:
        """Wait until all ranks reach this call."""
        self.any(False)

    def gather(self, content: bytes) -> list[bytes]:
        """Return the bytes of all ranks in rank order."""
        if self.alone:
            return [content]
        joined_bytes = self.rows(np.frombuffer(content, dtype=np.uint8)).tobytes()
        ends = np.cumsum(self.rows(np.array([len(content)]))).tolist()
        return [joined_bytes[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report the outcome of the block from rank 0 to the ranks in `wait_for_first`."""
        try:
            yield
        except BaseException as error:
            self._report(error.exit_code if isinstance(error, SmaError) else EXIT_DEFECT)
            raise
        self._report(0)

    def _report(self, status: int) -> None:
        if not self.alone:
            dist.broadcast(torch.tensor([status]), 0)

    def wait_for_first(self) -> None:
        """Wait for rank 0's `reporting` block; raises `OtherRankFailed` if it failed."""
        status = torch.zeros(1, dtype=torch.int64)
        dist.broadcast(status, 0)
        if int(status):
            raise OtherRankFailed("rank 0 failed", int(status))


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the process group if torchrun started several ranks, and leave it at the end."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    ranks = Ranks(int(os.environ.get("RANK", "0")), size, int(os.environ.get("LOCAL_RANK", "0")))
    if size == 1 or dist.is_initialized():
        yield ranks
        return
    on_gpus = torch.cuda.is_available() and dist.is_nccl_available()
    if on_gpus:
        torch.cuda.set_device(ranks.local % torch.cuda.device_count())
    backend = "cpu:gloo,cuda:nccl" if on_gpus else "gloo"
    if STORE in os.environ:
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # a restart uses a new store
        store = FileStore(f"{os.environ[STORE]}-{attempt}", size)
        dist.init_process_group(backend, timeout=PATIENCE, store=store, rank=ranks.rank, world_size=size)
    else:
        dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield ranks
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise OtherRankFailed("another rank was lost; saved checkpoints are intact", 1) from error
        raise
    finally:
        dist.destroy_process_group()
