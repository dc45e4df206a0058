"""What tests of readers write, and how they look at the records that come."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sma_core.data.records import RejectedRow


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def rejected(records: Iterable[object]) -> list[tuple[int, str]]:
    """Return number and reason of the rows that a reader refused."""
    return [(record.number, record.reason) for record in records if isinstance(record, RejectedRow)]
