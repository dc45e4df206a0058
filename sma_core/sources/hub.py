"""Data sets from the Hugging Face hub, turned into a csv file in the user's cache (extra ``hub``)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sma_core.errors import DataError
from sma_core.files import replacing
from sma_core.plugins.specs import DataSet

SPLIT = "split"
"""Column that holds the name of a row's split on the hub."""


def fetch(spec: DataSet, cache: Path) -> Path:
    """Return the csv file of ``spec`` in ``cache``, fetching ``spec.hub`` first when it is not there yet.

    The rows of all ``spec.hub_splits`` follow each other; where there are several, a column ``split`` holds the
    name of each row's, unless the set has such a column itself. Columns are renamed as ``spec.hub_columns``
    says (ours -> theirs), and all keep their names where it is empty. ``spec.hub`` may also be a local
    folder of the same layout. The file appears when it is complete. Raises `DataError` when the extra is
    not installed, the hub cannot be reached, or a column is not there.
    """
    target = cache / f"{spec.name}.hub.csv"
    if target.is_file():
        return target
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise DataError("to fetch it from the hub: pip install 'sma-core[hub]'") from error
    try:
        splits = [(name, load_dataset(str(spec.hub), split=name, streaming=True)) for name in spec.hub_splits]
        cache.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(_table(spec, splits))
    except DataError:
        raise
    except Exception as error:  # the library raises errors of many kinds for "no network"
        raise DataError(f"fetching {spec.hub} from the hub failed: {type(error).__name__}: {error}") from error
    return target


def _table(spec: DataSet, splits: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]) -> Iterator[list[Any]]:
    """Yield the header under our names, then the values of each row, and perhaps the name of its split."""
    columns = spec.hub_columns
    names: list[str] = []
    for split, rows in splits:
        for row in rows:
            columns = columns or tuple((name, name) for name in row)
            missing = [theirs for _, theirs in columns if theirs not in row]
            if missing:
                raise DataError(f"{spec.hub} on the hub has no column {missing[0]!r}; it has {', '.join(row)}")
            if not names:
                names = [ours for ours, _ in columns]
                with_split = len(spec.hub_splits) > 1 and SPLIT not in names
                yield [*names, SPLIT] if with_split else names
            values = [row[theirs] for _, theirs in columns]
            yield [*values, split] if with_split else values
    if not names:
        raise DataError(f"{spec.hub} on the hub holds no rows in {', '.join(spec.hub_splits)}")
