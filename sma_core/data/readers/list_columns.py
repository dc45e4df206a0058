"""Join columns of lists, one a channel, to rows that are sequences of vectors.

Letters: n rows, n_i positions of row i, C channels, T_c values of all rows of channel c.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.features import finite_sequences, rejected_rows
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences, bounds_of
from sma_core.errors import DataError
from sma_core.printable import counted


def lists_block(
    numbers: NDArray[np.int64],
    lengths: Sequence[NDArray[np.int64]],
    values: Sequence[NDArray[Any]],
    fields: tuple[NDArray[Any], ...],
    columns: tuple[str, ...],
) -> tuple[list[RejectedRow], Block]:
    """Return the rejected rows, and the block of the others.

    ``lengths`` has the numbers of positions (n,) of each of the C channels, ``values`` the concatenated values
    (T_c,). A row is rejected when its channels differ in length, or when it has an infinite value.
    """
    equal = np.all([lengths[0] == own for own in lengths], axis=0)  # (n,)
    with np.errstate(over="ignore"):
        kept = [
            (channel[np.repeat(equal, own)] if not equal.all() else channel).astype(np.float32)
            for channel, own in zip(values, lengths, strict=True)
        ]
    sequences = Sequences(np.stack(kept, axis=1), bounds_of(lengths[0] * equal))
    rejected, block = finite_sequences(numbers, sequences, fields, columns)
    if equal.all():
        return rejected, block
    reasons = {}
    for row in np.flatnonzero(~equal).tolist():
        other = next(index for index, own in enumerate(lengths) if own[row] != lengths[0][row])
        reasons[row] = (
            f"channels of different lengths: {columns[0]} has "
            f"{counted(int(lengths[0][row]), 'position')}, {columns[other]} has "
            f"{lengths[other][row]:,}"
        )
    uneven = rejected_rows(Block(numbers, sequences.values, fields, columns, sequences.offsets), reasons)
    regular = block.take(np.flatnonzero(~np.isin(block.numbers, numbers[~equal])))
    return sorted([*rejected, *uneven], key=lambda row: row.number), regular


def choose_kind(path: Path | str, numbers: Sequence[str], lists: Sequence[str]) -> bool:
    """Return whether features are columns of lists; raise `DataError` for features of both kinds."""
    if numbers and lists:
        raise DataError(
            f"{path} has columns of lists ({_some(lists)}) and of single numbers ({_some(numbers)}), which cannot "
            "be joined: name those to use with data.columns"
        )
    return bool(lists)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
