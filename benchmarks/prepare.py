"""`prepare`: preparation of a file with and without the domain's check, in one or several processes.

Each measurement runs in a separate process with its own folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.prepare_once import prepared_apart
from benchmarks.reports import Found, Record
from benchmarks.tables import number, table
from benchmarks.timing import Spread

COLUMNS = ("way", "rows", "set aside", "seconds (quartiles)", "rows/s", "peak MB of the parent")


def measure(
    file: Path, check: str | None, *, numbers: bool = False, longest: int = 512, repeats: int = 3
) -> Found:
    """Prepare ``file`` with all variants, in rounds."""
    ways: dict[str, tuple[str | None, int | None]] = {"not checked": (None, None)}
    if check is not None:
        counts = sorted({1, *(count for count in (2, 4, 8, 16, 32) if count <= (os.cpu_count() or 1))})
        ways |= {f"checked, {count} processes": (check, count) for count in counts}
    results: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for round_ in range(repeats):
        print(f"round {round_ + 1} of {repeats}", file=sys.stderr, flush=True)
        for way, (way_check, processes) in ways.items():
            once = prepared_apart(file, check=way_check, processes=processes, numbers=numbers, longest=longest)
            results[way].append(once)
    records = [_record(file.name, way, values) for way, values in results.items()]
    return Found(records, table(COLUMNS, map(_line, records)), repeats)


def _record(file: str, way: str, results: list[dict[str, Any]]) -> Record:
    spread, first = Spread.of([result["seconds"] for result in results]), results[0]
    return {
        "name": f"{file}, {way}",
        "value": first["rows"] / spread.median,
        "unit": "rows/s",
        "way": way,
        "rows": first["rows"],
        "rejected": first["rejected"],
        "seconds": spread.to_json(),
        "peak_mb": max(result["peak_mb"] for result in results),
    }


def _line(record: Record) -> tuple[str, ...]:
    low, median, high = (f"{record['seconds'][key]:.1f}" for key in ("low", "median", "high"))
    return (
        record["way"],
        f"{record['rows']:,}",
        f"{record['rejected']:,}",
        f"{median} ({low} to {high})",
        number(record["value"]),
        f"{record['peak_mb']:,.0f}",
    )
