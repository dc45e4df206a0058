"""Plan an epoch as batches of inputs; an input is one row or several concatenated.

- ``single``: an input is one row.
- ``concat``: every row is in one input. Rows are packed in shuffled order by best fit: each goes into the open
  input where it leaves the least space; the number of open inputs is bounded.
- ``successors``: every row starts an input and is followed by the next rows, in order, as long as they fit. There
  are as many inputs as rows, and a short row is in many inputs.

Every row ends with the separator already. The plan is a pure function of (seed, epoch, lengths).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sma_core.data.batching.hashing import shuffled
from sma_core.data.batching.sampling import batches, cut
from sma_core.errors import DataError

OPEN_INPUTS = 64
_ROWS, _INPUTS = 3, 4
"""Parts of the seeds of shuffles; they differ from those of `sma_core.data.batching.sampling`."""

Packing = Literal["single", "concat", "successors"]


@dataclass(frozen=True, slots=True)
class EpochPlan:
    """The batches of an epoch by index.

    ``rows`` (n,) are row indices; input j of m is ``rows[starts[j]:ends[j]]``, with ``starts`` and ``ends`` (m,).
    ``batches`` holds the input numbers of each batch.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    batches: list[NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> list[NDArray[np.int64]]:
        """Return the row indices of each input of batch ``index``."""
        inputs = self.batches[index]
        starts, ends = self.starts[inputs].tolist(), self.ends[inputs].tolist()
        return [self.rows[start:end] for start, end in zip(starts, ends, strict=True)]

    def __iter__(self) -> Iterator[list[NDArray[np.int64]]]:
        return (self[index] for index in range(len(self)))


def plan_epoch(
    lengths: NDArray[np.integer],
    batch_size: int,
    packing: Packing,
    max_length: int,
    seed: int,
    epoch: int,
    *,
    drop_last: bool = False,
) -> EpochPlan:
    """Plan ``epoch`` over rows of ``lengths`` (n,).

    Every row occurs once; with ``successors`` it starts one input. ``batch_size`` counts inputs. At most one batch
    is smaller; ``drop_last`` drops it unless it is the only one. Raises `DataError` when a row is longer than
    ``max_length``.
    """
    if len(lengths) and int(lengths.max()) > max_length:
        raise DataError(
            f"a row of {int(lengths.max())} ids is longer than max_length {max_length}; "
            "prepare the data again for this length"
        )
    if packing == "single":
        rows = np.arange(len(lengths))
        return EpochPlan(rows, rows, rows + 1, batches(lengths, batch_size, seed, epoch, drop_last=drop_last))
    if packing == "successors":
        rows = np.arange(len(lengths))
        starts, ends = rows, successor_ends(lengths, max_length)
    else:
        rows, bounds = pack(lengths, max_length, seed, epoch)
        starts, ends = bounds[:-1], bounds[1:]
    order = shuffled(len(starts), seed, epoch, _INPUTS)
    return EpochPlan(rows, starts, ends, cut(order, batch_size, seed, epoch, drop_last))


def successor_ends(lengths: NDArray[np.integer], max_length: int) -> NDArray[np.int64]:
    """Return the end (n,) of the input that each row starts: the row, and the next rows while they fit.

    ``lengths`` (n,) are at least 1 and at most ``max_length``. The last rows have few successors or none.
    """
    totals = np.cumsum(lengths, dtype=np.int64)
    limits = totals - lengths + max_length
    return np.searchsorted(totals, limits, side="right").astype(np.int64)


def pack(
    lengths: NDArray[np.integer], max_length: int, seed: int, epoch: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pack rows into inputs of at most ``max_length`` ids; return row indices (n,) and bounds (inputs + 1,)."""
    order = shuffled(len(lengths), seed, epoch, _ROWS)
    input_of, count = _best_fit(lengths[order].tolist(), max_length)
    numbers = np.array(input_of, dtype=np.int64)
    bounds = np.zeros(count + 1, dtype=np.int64)
    np.cumsum(np.bincount(numbers, minlength=count), out=bounds[1:])
    return order[np.argsort(numbers, kind="stable")], bounds


def _best_fit(lengths: list[int], max_length: int) -> tuple[list[int], int]:
    """Return the input number of each row, and the number of inputs.

    Open inputs are listed by their free space. Bit s of ``spaces`` is set when an open input has s free ids, so
    that the best fit is found by one integer operation.
    """
    open_by_space: list[list[int]] = [[] for _ in range(max_length + 1)]
    spaces = 0
    opened = 0
    count = 0
    input_of: list[int] = []
    for length in lengths:
        fitting = spaces >> length
        if fitting:
            space = length + (fitting & -fitting).bit_length() - 1
            number = open_by_space[space].pop()
            if not open_by_space[space]:
                spaces ^= 1 << space
            opened -= 1
        else:
            space, number = max_length, count
            count += 1
        input_of.append(number)
        left = space - length
        if left > 1:  # most rows have at least one id and the separator
            open_by_space[left].append(number)
            spaces |= 1 << left
            opened += 1
            if opened > OPEN_INPUTS:
                fullest = (spaces & -spaces).bit_length() - 1
                open_by_space[fullest].pop()
                if not open_by_space[fullest]:
                    spaces ^= 1 << fullest
                opened -= 1
    return input_of, count
