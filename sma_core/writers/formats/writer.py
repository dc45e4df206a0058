"""The protocol of table formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

Columns = Mapping[str, pa.Array]
"""Column name -> cells, null where missing."""


class TableWriter(Protocol):
    """Writes a table chunk by chunk."""

    def write(self, columns: Columns) -> None:
        """Append rows, with the columns of the first chunk."""
        ...
