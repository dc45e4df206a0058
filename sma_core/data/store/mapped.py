"""Zero-copy access to a list column of a memory-mapped Arrow file.

Letters: n rows of all record batches together; T items of selected rows, each an element, or ``width`` of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.tokenizers import gather_index


class MappedLists:
    """The lists of column ``name`` in ``batches``; ``whole`` is the file's bytes, mapped at address ``base``.

    The items of a list are elements, or with ``width`` vectors of this many elements.
    """

    def __init__(
        self,
        batches: Sequence[Any],
        name: str,
        dtype: np.dtype[Any],
        whole: NDArray[np.uint8],
        base: int,
        width: int | None = None,
    ) -> None:
        self._columns = [batch.column(name) for batch in batches]
        self._dtype, self._whole, self._base, self._width = dtype, whole, base, width

    @cached_property
    def flat(self) -> NDArray[Any]:
        """The whole file as an array of elements, which ``starts`` indexes."""
        size = self._dtype.itemsize
        return self._whole[: len(self._whole) // size * size].view(self._dtype)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(n,) position in ``flat`` of each row's first element."""
        parts = []
        for column in self._columns:
            values, size = self._elements(column), self._width or 1
            first = (values.buffers()[1].address - self._base) // self._dtype.itemsize + values.offset
            parts.append(_offsets(column)[:-1].astype(np.int64) * size + first)
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)

    @cached_property
    def lengths(self) -> NDArray[np.int32]:
        """(n,) number of items in each row."""
        parts = [np.diff(_offsets(column)) for column in self._columns]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)

    def gather(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return a concatenated copy of the items of rows (m,): (T,), or vectors (T, width).

        Consecutive rows are copied as blocks.
        """
        elements: NDArray[Any]
        if len(rows) > 1 and 0 <= rows[0] == rows[-1] - len(rows) + 1 and bool((np.diff(rows) == 1).all()):
            elements = np.concatenate(self._blocks(int(rows[0]), int(rows[-1]) + 1))
        elif self._windows is not None:  # rows of one size are copied as units, not element by element
            elements = self._windows[self.starts[rows]].view(self._dtype)  # (m,) rows -> (m * size,) elements
        elif self._width is not None:
            lengths = self.lengths[rows].astype(np.int64)
            within = gather_index(np.zeros(len(rows), dtype=np.int64), lengths)  # (T,) position in its row
            vectors = self._windows_of(self._width)[np.repeat(self.starts[rows], lengths) + within * self._width]
            elements = vectors.view(self._dtype)  # (T,) vectors -> (T * width,) elements
        else:
            elements = self.flat[gather_index(self.starts[rows], self.lengths[rows])]
        return elements if self._width is None else elements.reshape(-1, self._width)

    def _blocks(self, first: int, end: int) -> list[NDArray[Any]]:
        """Return one view per record batch of the elements of rows ``first`` to ``end`` (exclusive)."""
        inner = self._edges[(self._edges > first) & (self._edges < end)].tolist()
        runs = zip([first, *inner], [*inner, end], strict=True)
        return [self.flat[self.starts[low] : self._end(high - 1)] for low, high in runs]

    @cached_property
    def _edges(self) -> NDArray[np.int64]:
        """End row (exclusive) of each non-empty record batch."""
        return np.unique(np.cumsum([len(column) for column in self._columns], dtype=np.int64))

    def _end(self, row: int) -> int:
        """Return the position in ``flat`` after the last element of a row."""
        return int(self.starts[row]) + int(self.lengths[row]) * (self._width or 1)

    @cached_property
    def _windows(self) -> NDArray[np.void] | None:
        """Sliding windows over ``flat`` of one row's fixed size; None when rows vary in size."""
        sizes = {getattr(column.type, "list_size", None) for column in self._columns}
        size = sizes.pop() if len(sizes) == 1 else None
        if not size:
            return None
        return self._windows_of(size)

    def _windows_of(self, size: int) -> NDArray[np.void]:
        """Return sliding windows over ``flat`` of ``size`` elements.

        Each window is one opaque element, which NumPy copies at twice the rate of its numbers.
        """
        window = np.dtype((np.void, size * self._dtype.itemsize))
        count = max(len(self.flat) - size + 1, 0)
        return np.ndarray((count,), window, self.flat.data, strides=self.flat.strides)

    def row(self, index: int) -> NDArray[Any]:
        """Return a view of the items of one row."""
        elements = self.flat[self.starts[index] : self._end(index)]
        return elements if self._width is None else elements.reshape(-1, self._width)

    def _elements(self, column: Any) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Return the array of all elements of a list column."""
        return column.values if self._width is None else column.values.values

    def check(self) -> None:
        """Raise `ValueError` when rows are not contiguous or elements are not aligned."""
        for column in self._columns:
            offsets, values = _offsets(column), self._elements(column)
            most = len(values) // (self._width or 1)
            if len(offsets) and (offsets[0] < 0 or offsets[-1] > most or bool((np.diff(offsets) < 0).any())):
                raise ValueError("its rows are not contiguous")
            if values.buffers()[1] is not None and (
                (values.buffers()[1].address - self._base) % self._dtype.itemsize
            ):
                raise ValueError("its ids are not aligned")


def _offsets(column: Any) -> NDArray[np.int32]:  # noqa: ANN401 - pyarrow has no types
    """Return the offsets (n + 1,) of a list column."""
    size = getattr(column.type, "list_size", None)
    if size is not None:
        return np.arange(len(column) + 1, dtype=np.int32) * np.int32(size)
    return plain_numbers(column.offsets, np.dtype(np.int32))


def plain_numbers(array: Any, dtype: np.dtype[Any]) -> NDArray[Any]:  # noqa: ANN401 - pyarrow has no types
    """Return a view (n,) of an Arrow array; raises `ValueError` when it has nulls.

    pyarrow's ``to_numpy`` imports pandas when that is installed, which takes 0.2 s.
    """
    if array.null_count:
        raise ValueError("numbers are missing")
    buffer = array.buffers()[1]
    if buffer is None:
        return np.zeros(0, dtype=dtype)
    return np.frombuffer(buffer, dtype, len(array), array.offset * dtype.itemsize)
