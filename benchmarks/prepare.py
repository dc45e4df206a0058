"""`prepare`: a file to a store, without its domain's check and with it, in one process and in several.

Every way runs in a process of its own, into a folder of its own, in turn.
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
    """Prepare ``file`` in every way, round by round."""
    ways: dict[str, tuple[str | None, int | None]] = {"not checked": (None, None)}
    if check is not None:
        counts = sorted({1, *(each for each in (2, 4, 8, 16, 32) if each <= (os.cpu_count() or 1))})
        ways |= {f"checked, {count} processes": (check, count) for count in counts}
    found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
    for round_ in range(repeats):
        print(f"round {round_ + 1} of {repeats}", file=sys.stderr, flush=True)
        for way, (wanted, processes) in ways.items():
            once = prepared_apart(file, check=wanted, processes=processes, numbers=numbers, longest=longest)
            found[way].append(once)
    records = [_record(file.name, way, each) for way, each in found.items()]
    return Found(records, table(COLUMNS, map(_line, records)), repeats)


def _record(file: str, way: str, found: list[dict[str, Any]]) -> Record:
    spread, first = Spread.of([each["seconds"] for each in found]), found[0]
    return {
        "name": f"{file}, {way}",
        "value": first["rows"] / spread.median,
        "unit": "rows/s",
        "way": way,
        "rows": first["rows"],
        "rejected": first["rejected"],
        "seconds": spread.to_json(),
        "peak_mb": max(each["peak_mb"] for each in found),
    }


def _line(record: Record) -> tuple[str, ...]:
    low, median, high = (f"{record['seconds'][each]:.1f}" for each in ("low", "median", "high"))
    return (
        record["way"],
        f"{record['rows']:,}",
        f"{record['rejected']:,}",
        f"{median} ({low} to {high})",
        number(record["value"]),
        f"{record['peak_mb']:,.0f}",
    )
