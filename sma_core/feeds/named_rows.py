"""Tables in memory whose columns have names, such as data frames: columns are taken by name, not by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sma_core.data.pairs import columns_of
from sma_core.data.readers.csv import choose_column
from sma_core.data.readers.text_header import check_unique

TABLE = "the table"


def column_names_of(rows: Any) -> dict[str, Any]:  # noqa: ANN401 - data frames of any library
    """Return the columns of a table by name; empty for rows without names.

    A table is a data frame, an Arrow table, a structured array or a mapping. Labels that only count the columns
    are no names.
    """
    if isinstance(rows, Mapping) and all(isinstance(label, str) for label in rows):  # no sparse matrix
        labels = list(rows)
    else:
        labels = list(getattr(rows, "column_names", None) or ())
        if not labels and isinstance(rows, np.ndarray):
            labels = list(rows.dtype.names or ())
        elif not labels:
            labels = list(getattr(rows, "columns", ()))
    if labels == list(range(len(labels))):
        return {}
    check_unique([str(label) for label in labels], TABLE)
    return {str(label): label for label in labels}


def features_by_name(rows: Any, columns: Sequence[str]) -> Any:  # noqa: ANN401 - data frames of any library
    """Return the ``columns`` of a table (n, F) in this order, or rows without names as they are.

    Raises `DataError` when a column is missing or a name occurs twice.
    """
    names = column_names_of(rows)
    if not names:
        return rows
    labels = [names[choose_column(list(names), column, (), TABLE)] for column in columns]
    return np.stack([np.asarray(rows[label], dtype=np.float64) for label in labels], axis=1)


def texts_by_name(rows: Any, column: str | None, usual: Sequence[str]) -> Any:  # noqa: ANN401
    """Return the column of the texts of a table, or tuples of two columns, or rows without names as they are."""
    names = column_names_of(rows)
    if not names:
        return rows
    columns = [rows[names[choose_column(list(names), name, usual, TABLE)]] for name in columns_of(column)]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
