"""Unlabelled HIGGS events for pre-training, without the rows of the test set."""

from __future__ import annotations

from pathlib import Path

from pyarrow import csv, parquet

from sma_core.files import creating, remove_leftovers
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet
from sma_core.sources.data_sets import cached_file, locate
from sma_physics.schema import FEATURE_NAMES
from sma_physics.splits import HIGGS_TEST_ROWS


def higgs_without_test() -> Path:
    """Return the path of a file with the features of all but the first 5,000 events of ``higgs``.

    The file is written to the cache, and rewritten if ``higgs.csv.gz`` is newer. Raises `DataError` if
    ``higgs.csv.gz`` is not available.
    """
    registry = Registry.load("physics")
    source = locate(registry, registry.find(DataSet, "higgs"))
    path = cached_file("physics", f"higgs-without-{HIGGS_TEST_ROWS}.parquet")
    if path.is_file() and path.stat().st_mtime < source.stat().st_mtime:
        path.unlink(missing_ok=True)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        options = csv.ConvertOptions(include_columns=list(FEATURE_NAMES))
        events = csv.read_csv(source, convert_options=options).slice(HIGGS_TEST_ROWS)
        with creating(path) as temporary:
            parquet.write_table(events, temporary)
    return path
