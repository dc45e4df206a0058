"""Columns of a table besides its features: labels, splits and identifiers, which must not be rounded.

Features are float32. A column that float32 cannot hold exactly is float64; one that float64 cannot hold, such as
long identifiers, is text.

Letters: n rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import compute as pc

from sma_core.data.records import MISSING_CLASSES, MISSING_SPELLINGS

LARGEST_EXACT = 2.0**53
"""Whole numbers up to this size are exact in float64."""


def arrow_column(column: Any) -> NDArray[Any]:  # noqa: ANN401 - pyarrow has no types
    """Return a column (n,) as numbers with NaN where missing if all its known cells are numbers, else as texts.

    Texts are as in the file. Numbers with leading zeros are texts, since they are identifiers.
    """
    known = column
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        missing = pc.is_in(pc.utf8_trim_whitespace(column), value_set=pa.array(MISSING_SPELLINGS, column.type))
        known = pc.if_else(missing, pa.scalar(None, column.type), column)
        if pc.any(pc.match_substring_regex(known, r"^\s*[+-]?0[0-9]")).as_py():
            return _texts(column)
    try:
        numbers = exact(known.cast(pa.float64()).to_numpy(zero_copy_only=False))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        numbers = None
    return _texts(column) if numbers is None else numbers


def _texts(column: Any) -> NDArray[Any]:  # noqa: ANN401 - pyarrow has no types
    return np.array(["" if cell is None else str(cell).strip() for cell in column.to_pylist()], dtype=object)


def array_column(column: NDArray[Any]) -> NDArray[Any]:
    """Return an array (n,) as numbers if it holds numbers, else as texts."""
    if column.dtype.kind in "fiub":
        numbers = exact(column.astype(np.float64))
        if numbers is not None:
            return numbers
    return np.array([_text(value) for value in column.tolist()], dtype=object)


def text_column(texts: Sequence[str]) -> NDArray[Any]:
    """Return texts (n,) as numbers with NaN where empty if all others are numbers, else as they are."""
    try:
        numbers = exact(np.array([text or "nan" for text in texts], dtype=np.float64))
    except ValueError:
        numbers = None
    return np.array(texts, dtype=object) if numbers is None else numbers


def exact(numbers: NDArray[np.float64]) -> NDArray[Any] | None:
    """Return numbers (n,) as float32 if that changes none, else as float64; None if they may be rounded."""
    finite = numbers[np.isfinite(numbers)]
    if (np.abs(finite) >= LARGEST_EXACT).any():
        return None
    with np.errstate(over="ignore"):
        single = numbers.astype(np.float32)
    return single if np.array_equal(single.astype(np.float64), numbers, equal_nan=True) else numbers


def column_texts(column: NDArray[Any]) -> NDArray[np.object_]:
    """Return the texts of a column (n,), empty where missing."""
    distinct, inverse = np.unique(column, return_inverse=True)
    names = [class_name(value) for value in distinct.tolist()]
    return np.array(["" if name.lower() in MISSING_CLASSES else name for name in names], dtype=object)[inverse]


def class_name(value: float | str) -> str:
    """Return a value as text: a whole number without decimal point, any text unchanged."""
    if isinstance(value, str):
        return value
    return str(int(value)) if math.isfinite(value) and value == int(value) else f"{value:.15g}"


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
