"""Labels: text of the target columns -> numbers, NaN where one is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.data.records import RejectedRow, Row

MISSING = frozenset({"", "nan", "na"})
"""Cells, in lower case, that stand for a missing value."""
_WORDS = {"true": 1.0, "false": 0.0} | dict.fromkeys(MISSING, math.nan)


def parse_targets(
    rows: Sequence[Row], names: Sequence[str]
) -> tuple[NDArray[np.float32], list[Row], list[RejectedRow]]:
    """Targets (n, K) of the rows that have any, these n rows, and those without a usable target.

    They are the first K fields of a row.

    An empty cell, ``NA`` and ``NaN`` are missing values; ``true`` and ``false`` are 1 and 0. A row is set
    aside when a value is not a finite number or all its values are missing.
    """
    if not names:
        return np.zeros((len(rows), 0), dtype=np.float32), list(rows), []
    table: list[list[float]] = []
    kept: list[Row] = []
    unusable: list[RejectedRow] = []
    for row in rows:
        values = [to_number(field) for field in row.fields[: len(names)]]
        wrong = next((at for at, value in enumerate(values) if value is None or math.isinf(value)), None)
        if wrong is not None:
            reason = f"target is not a number: {names[wrong]} is {row.fields[wrong]!r}"
            unusable.append(RejectedRow(row.number, reason, row.text))
        elif all(value is None or math.isnan(value) for value in values):
            unusable.append(RejectedRow(row.number, "no target", row.text))
        else:
            table.append([value for value in values if value is not None])
            kept.append(row)
    return np.array(table, dtype=np.float32).reshape(len(kept), len(names)), kept, unusable


def to_number(text: str) -> float | None:
    """Read a label as a number: NaN when it is missing, None when it is none."""
    word = _WORDS.get(text.lower())
    if word is not None:
        return word
    try:
        return float(text)
    except ValueError:
        return None
