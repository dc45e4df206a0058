"""A file for HDF5 that hides errors from the library, which would crash when it closes a file on a full disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


class Hdf5Target(io.FileIO):
    """A new file for `h5py.File`. Keeps the first error of a write, and drops what is written from then on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._error: OSError | None = None

    def write(self, data: Any, /) -> int:  # noqa: ANN401 - any buffer
        """Write all of ``data``, or nothing after an error."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        try:
            while rest and self._error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = error
        return size

    def truncate(self, size: int | None = None, /) -> int:
        """Resize the file, or do nothing after an error."""
        try:
            return super().truncate(size) if self._error is None else 0
        except OSError as error:
            self._error = error
            return 0

    def check(self) -> None:
        """Raise the first error, if any."""
        if self._error is not None:
            raise self._error
