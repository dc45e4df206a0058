"""Find rows that are equal: duplicates over a split make metrics too good.

Rows of text are equal if their normal form in the domain is, rows of numbers if all values are. Letters: n rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sma_core.config import DataConfig
from sma_core.data.plugin_code import normal_forms
from sma_core.data.sequences import Sequences
from sma_core.data.store.store import Store
from sma_core.evaluation.splits import Indices, Part
from sma_core.plugins.registry import Registry
from sma_core.printable import counted

ROWS_AT_ONCE = 65_536
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def identities(registry: Registry, config: DataConfig, store: Store) -> NDArray[np.int64]:
    """Return a number (n,) for each row, the same for equal rows."""
    if store.metadata.holds_values:
        return np.unique(value_hashes(store, np.arange(len(store))), return_inverse=True)[1]
    texts = store.texts
    if registry.domain.normalise is not None and not config.normalise:
        texts = normal_forms(registry.domain.normalise, texts, store.row_numbers.tolist())
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)


def value_hashes(store: Store, indices: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a hash of the values of each row at ``indices`` (m,); all NaN are equal, and so are 0 and -0."""
    parts = []
    for start in range(0, len(indices), ROWS_AT_ONCE):
        rows = indices[start : start + ROWS_AT_ONCE]
        if store.metadata.sequences:
            parts.append(_sequence_hashes(store.sequences(rows)))
            continue
        values = _canonical(store.values(rows))
        hashes = np.zeros(len(values), dtype=np.uint64)
        for column in values.view(np.uint32).T:
            hashes = (hashes ^ column) * _MULTIPLIER
            hashes ^= hashes >> np.uint64(29)
        parts.append(hashes)
    return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)


def _sequence_hashes(sequences: Sequences) -> NDArray[np.uint64]:
    """Return a hash (n,) of the values of each sequence."""
    sequences = Sequences(_canonical(sequences.values), sequences.offsets)
    digests = (hashlib.blake2b(sequences[row].tobytes(), digest_size=8).digest() for row in range(len(sequences)))
    return np.frombuffer(b"".join(digests), dtype=np.uint64)


def _canonical(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy in which all NaN are equal bytes, and so are 0 and -0."""
    values = values + np.float32(0.0)
    values[np.isnan(values)] = np.nan
    return values


def shared_rows(rows: NDArray[np.int64], parts: Mapping[Part, Indices]) -> list[str]:
    """Return a sentence on validation and test rows equal to a training row; ``rows`` (n,) are `identities`."""
    known = np.unique(rows[parts["train"]])
    named: dict[Part, str] = {"valid": "validation", "test": "test"}
    shared = {part: int(np.isin(rows[parts[part]], known).sum()) for part in named}
    repeated = [
        f"{count:,} of {counted(len(parts[part]), f'{named[part]} row')}"
        for part, count in shared.items()
        if count
    ]
    if not repeated:
        return []
    return [
        f"{' and '.join(repeated)} are equal to a training row, so their metrics may be too good: keep equal rows "
        "together with split.group=true"
    ]


def first_of_each(rows: NDArray[np.int64]) -> tuple[Indices, NDArray[np.int64]]:
    """Return the index of the first row of each identity, in file order, and each row's index among them (n,)."""
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse]
