"""The processes that train one model together, and what they tell one another.

They are started by torchrun (or ``sma train --devices N``, which starts its agent) and joined by torch's own
process group: gloo for what is on the CPU, NCCL for what is on GPUs. A program alone is rank 0 of 1, and nothing
here then does anything.
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

from sma_core.errors import OtherRankFailed, SmaError

PATIENCE = timedelta(hours=24)
"""How long a rank waits for another: a preparation of data may take long. The agent ends all when one dies."""
STORE = "SMA_STORE"
"""Variable with a file by which the ranks of one machine find one another, in place of a port."""


@dataclass(frozen=True)
class Ranks:
    """Rank ``rank`` of ``size``; ``local`` counts the ranks of one machine."""

    rank: int = 0
    size: int = 1
    local: int = 0

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes files and speaks."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there are no others."""
        return self.size == 1

    def any(self, flag: bool) -> bool:
        """Whether the flag is set on any rank; the same answer for all."""
        return flag if self.alone else bool(self.total(torch.tensor(int(flag))) > 0)

    def total(self, tensor: Tensor) -> Tensor:
        """Return the sum over the ranks, the same bits on each; no wait for the device."""
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
        """Return the arrays of all ranks one after the other, rank 0's first; they differ in their length only."""
        if self.alone:
            return array
        lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        dist.all_gather(lengths, torch.tensor([len(array)]))
        longest = max(int(length) for length in lengths)
        padded = np.zeros((longest, *array.shape[1:]), dtype=array.dtype)
        padded[: len(array)] = array
        own = torch.from_numpy(padded)
        found = [torch.zeros_like(own) for _ in range(self.size)]
        dist.all_gather(found, own)
        return np.concatenate([each[: int(length)].numpy() for each, length in zip(found, lengths, strict=True)])

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        self.any(False)

    def gather(self, content: bytes) -> list[bytes]:
        """Return what each rank has, rank 0's first."""
        if self.alone:
            return [content]
        together = self.rows(np.frombuffer(content, dtype=np.uint8)).tobytes()
        ends = np.cumsum(self.rows(np.array([len(content)]))).tolist()
        return [together[begin:end] for begin, end in zip([0, *ends[:-1]], ends, strict=True)]

    @contextmanager
    def reporting(self) -> Iterator[None]:
        """Report to the other ranks, on rank 0, how the block ended; they are in `wait_for_first`."""
        try:
            yield
        except BaseException as error:
            self._report(error.exit_code if isinstance(error, SmaError) else 1)
            raise
        self._report(0)

    def _report(self, status: int) -> None:
        if not self.alone:
            dist.broadcast(torch.tensor([status]), 0)

    def wait_for_first(self) -> None:
        """Wait for the end of rank 0's `reporting` block; raises `OtherRankFailed` when it failed."""
        status = torch.zeros(1, dtype=torch.int64)
        dist.broadcast(status, 0)
        if int(status):
            raise OtherRankFailed("rank 0 could not go on", int(status))


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the other ranks, if torchrun started this process beside others, and leave them at the end."""
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
        attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")  # what a dead rank left is not read again
        store = FileStore(f"{os.environ[STORE]}-{attempt}", size)
        dist.init_process_group(backend, timeout=PATIENCE, store=store, rank=ranks.rank, world_size=size)
    else:
        dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield ranks
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            raise OtherRankFailed("another rank was lost; what was saved before is whole", 1) from error
        raise
    finally:
        dist.destroy_process_group()
