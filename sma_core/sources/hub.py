"""Fetch data sets, as csv files, and models from the Hugging Face hub to the cache (extra ``hub``)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sma_core.errors import CheckpointError, DataError
from sma_core.files import replacing
from sma_core.plugins.specs import DataSet

MODEL_FILES = ("config.json", "model.safetensors", "pytorch_model.bin")
SPLIT = "split"
"""Column with the name of a row's split on the hub."""


def fetch(spec: DataSet, cache: Path) -> Path:
    """Return the csv file of ``spec`` in ``cache``; fetch ``spec.hub`` when the file is missing.

    The splits ``spec.hub_splits`` are concatenated; with several, a column ``split`` names the split of each row,
    unless the set has such a column. ``spec.hub_columns`` renames columns (ours -> theirs); empty: all keep their
    names. ``spec.hub`` may also be a local folder of the same layout. The file is written atomically. Raises
    `DataError` when the extra is not installed, the hub cannot be reached, or a column is missing.
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
    except Exception as error:  # the library raises various errors without network
        raise DataError(f"fetching {spec.hub} from the hub failed: {type(error).__name__}: {error}") from error
    return target


def _table(spec: DataSet, splits: Iterable[tuple[str, Iterable[Mapping[str, Any]]]]) -> Iterator[list[Any]]:
    """Yield the header, then the values of each row, with the name of its split if there are several."""
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


def fetch_model(name: str, cache: Path) -> Path:
    """Return the folder of the hub model ``owner/name``; fetch files that are not in ``cache``.

    Raises `CheckpointError` when the extra is not installed or the download fails.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise CheckpointError(
            f"there is no folder {name}; to fetch a model from the hub: pip install 'sma-core[hub]'"
        ) from error
    try:
        return Path(snapshot_download(name, allow_patterns=list(MODEL_FILES), cache_dir=cache))
    except Exception as error:  # the library raises various errors without network
        reason = (str(error).splitlines() or [""])[0]
        raise CheckpointError(
            f"there is no folder {name}, and fetching it from the hub failed: {type(error).__name__}: {reason}"
        ) from error
