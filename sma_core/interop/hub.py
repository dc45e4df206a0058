"""Data sets from the Hugging Face hub, turned into a csv file in the user's cache (extra ``hub``)."""

from __future__ import annotations

import csv
from pathlib import Path

from sma_core.errors import DataError
from sma_core.files import replacing
from sma_core.plugins.specs import DataSet


def fetch(spec: DataSet, cache: Path) -> Path:
    """Return the csv file of ``spec`` in ``cache``, fetching ``spec.hub`` first when it is not there yet.

    The rows of all ``spec.hub_splits`` follow each other; columns are renamed as ``spec.hub_columns``
    says (ours -> theirs). ``spec.hub`` may also be a local folder of the same layout. Raises `DataError`
    when the extra is not installed or the hub cannot be reached.
    """
    target = cache / f"{spec.name}.hub.csv"
    if target.is_file():
        return target
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise DataError("to fetch it from the hub: pip install 'sma-core[hub]'") from error
    try:
        splits = [load_dataset(str(spec.hub), split=split, streaming=True) for split in spec.hub_splits]
        cache.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow([ours for ours, _ in spec.hub_columns])
            for split in splits:
                writer.writerows([row[theirs] for _, theirs in spec.hub_columns] for row in split)
    except Exception as error:  # the library raises errors of many kinds for "no network"
        raise DataError(f"fetching {spec.hub} from the hub failed: {type(error).__name__}: {error}") from error
    return target
