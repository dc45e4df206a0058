"""The files of data sets that do not ship, for tests marked ``data``."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sma_core.plugins import DataSet


def file_of(domain: str, dataset: DataSet) -> Path:
    """Return where the file of a set lies; skip the test where it is not there."""
    if "SMA_DATA" not in os.environ:
        pytest.skip(f"SMA_DATA is not set, so the set {dataset.name} is not there")
    assert dataset.file is not None
    path = Path(os.environ["SMA_DATA"]) / domain / dataset.file
    if not path.exists():
        pytest.skip(f"the set {dataset.name} is not in SMA_DATA")
    return path
