"""Choose the form of labels: numbers, class names, or one symbol per character."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.labels import to_number
from sma_core.data.records import MISSING, Row
from sma_core.data.remote.files import local_copy
from sma_core.data.store.format import LabelForm
from sma_core.data.store.store import Store
from sma_core.errors import DataError
from sma_core.files import sha256_of_facts
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source

ROWS_SAMPLED = 1000
_FORMS: dict[str, LabelForm] = {"multiclass": "classes", "per-position": "symbols"}


def form_of(kind: str) -> LabelForm:
    """Return the form of labels of a kind."""
    return _FORMS.get(kind, "numbers")


def row_labels(store: Store) -> NDArray[np.float64]:
    """Return the labels (n, T) of all rows, NaN where missing; T is 0 for labels of positions.

    Raises `DataError` when the store has no labels.
    """
    if store.metadata.has_symbols:
        return np.zeros((len(store), 0))
    if store.targets is None:
        raise DataError("this store was prepared without labels")
    return store.targets.astype(np.float64)


def guess_form(
    registry: Registry, source: Source, targets: tuple[str, ...], extras: tuple[str, ...] = ()
) -> LabelForm:
    """Guess the form from the first rows: a single column of mostly non-numeric values has class names.

    ``extras`` are further columns that are not features.
    """
    if len(targets) != 1:
        return "numbers"

    def guess() -> str:
        labels = _first_labels(registry, source, (*targets, *extras))
        known = [text for text in labels if text.lower() not in MISSING]
        names = sum(to_number(text) is None for text in known)
        return "classes" if names > len(known) / 2 else "numbers"

    if isinstance(source.file, Path):
        form = guess()
    else:  # cached, so that a prepared file is not fetched again for the guess
        form = source.file.cached(f"labels-{source.reader.name}-{_digest(targets, extras)}", guess)
    return "classes" if form == "classes" else "numbers"


def _digest(targets: tuple[str, ...], extras: tuple[str, ...]) -> str:
    return sha256_of_facts({"targets": targets, "extras": extras})[:16]


def _first_labels(registry: Registry, source: Source, fields: tuple[str, ...]) -> Iterator[str]:
    """Yield the first field of the first 1,000 rows as text."""
    read = registry.build(source.reader)
    with local_copy(source.file, finished=False) as path:
        if source.reader.reads == "blocks":
            records = read(path, source.columns, fields, names=source.names)
            block = next((record for record in records if isinstance(record, Block)), None)
            labels = [] if block is None else block.fields[0][:ROWS_SAMPLED].tolist()
            yield from map(str, labels)
            return
        rows = read(path, source.column, fields, usual=registry.domain.columns)
        for row in islice(rows, ROWS_SAMPLED):
            if isinstance(row, Row):
                yield row.fields[0]
