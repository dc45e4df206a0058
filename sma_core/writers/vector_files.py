"""Write vectors atomically to ``.npy``, ``.npz``, ``.parquet`` or HDF5.

``.npy`` has only the vectors. ``.npz`` and HDF5 have ``vectors`` (n, …), the row numbers ``rows`` (n,),
``unusable_rows`` and ``reasons`` (k,) for rows without vectors, ``truncated_rows``, ``windowed_rows``, and ``ids``
(n,) if an identifier was requested.
For vectors of positions, ``vectors`` is (T, D), and row i has those from ``offsets[i]`` to ``offsets[i + 1]``.
"""

from __future__ import annotations

import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.errors import UserError
from sma_core.feeds.rows import RowChunk
from sma_core.models.vectors import Pooling, Vectors
from sma_core.writers.formats.parquet import parquet_format
from sma_core.writers.formats.writer import TableWriter
from sma_core.writers.hdf5_target import Hdf5Target
from sma_core.writers.tables import check_suffix, with_row_columns, writing

ENDINGS = (".npy", ".npz", ".parquet", ".h5", ".hdf5")


class VectorFile(ABC):
    """Writes vectors chunk by chunk."""

    @abstractmethod
    def add(self, chunk: RowChunk, vectors: Vectors) -> None:
        """Append the vectors of a chunk's rows."""

    def finish(self) -> None:  # noqa: B027 - optional
        """Write data that depends on all chunks, such as headers."""


@contextmanager
def open_vectors(out: Path, pooling: Pooling, identifier: str | None) -> Iterator[VectorFile]:
    """Open a file of vectors in the format of its suffix.

    Raises `UserError` for an unknown suffix, or a format that cannot hold the requested vectors or identifiers;
    `DataError` when the file cannot be written.
    """
    ending = check_suffix(out, ENDINGS, "vectors are")
    if ending == ".npy" and pooling == "inputs":
        raise UserError(
            f"{out}: an .npy file has one vector per row: for `pooling=inputs` use .npz, .parquet or .h5"
        )
    if ending == ".npy" and identifier is not None:
        raise UserError(f"{out}: an .npy file has no place for identifiers: use .npz, .parquet or .h5")
    with writing(out) as temporary, ExitStack() as stack:
        file: VectorFile
        if ending == ".parquet":
            file = _Parquet(stack.enter_context(parquet_format(temporary, ".parquet")), identifier)
        elif ending in (".npy", ".npz"):
            file = stack.enter_context(_opened_numpy(temporary, alone=ending == ".npy"))
        else:
            file = stack.enter_context(_opened_hdf5(temporary))
        yield file
        file.finish()


class _Parquet(VectorFile):
    """Columns ``row``, the identifier, ``input`` of text, ``vector`` or ``vectors`` (lists, null), ``reason``."""

    def __init__(self, table: TableWriter, identifier: str | None) -> None:
        self._table, self._identifier = table, identifier

    def add(self, chunk: RowChunk, vectors: Vectors) -> None:
        usable = np.array([reason is None for reason in chunk.reasons])
        values = vectors.values
        if vectors.lengths is not None:
            lengths = vectors.lengths
        else:  # a null must be an empty list in older pyarrow
            lengths = np.where(usable, values.shape[1], 0)
            values = values[usable]
        if vectors.lengths is None and values.ndim == 2:
            name, inner = "vector", pa.array(values.reshape(-1))
        else:
            name = "vectors"
            inner = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[-1])
        lists = pa.ListArray.from_arrays(pa.array(_offsets(lengths), pa.int32()), inner, mask=pa.array(~usable))
        self._table.write(with_row_columns(chunk, self._identifier, {name: lists}))


class _Rows:
    """Row numbers, lengths, names and reasons, kept in memory until the end."""

    def __init__(self) -> None:
        self._numbers: list[NDArray[np.int64]] = []
        self._lengths: list[NDArray[np.int64]] = []
        self._unusable: list[tuple[int, str]] = []
        self._truncated: list[int] = []
        self._windowed: list[int] = []
        self._names: list[str] | None = None

    def add(self, chunk: RowChunk, vectors: Vectors) -> None:
        self._numbers.append(np.array(chunk.numbers, dtype=np.int64))
        listed = zip(chunk.numbers, chunk.reasons, strict=True)
        self._unusable += [(number, reason) for number, reason in listed if reason is not None]
        self._truncated += [chunk.numbers[index] for index in chunk.truncated]
        self._windowed += [chunk.numbers[index] for index in chunk.windowed]
        if vectors.lengths is not None:
            self._lengths.append(vectors.lengths)
        if chunk.names is not None:
            self._names = [*(self._names or ()), *chunk.names]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name; texts as fixed-width unicode."""
        arrays: dict[str, NDArray[Any]] = {
            "rows": np.concatenate(self._numbers),
            "unusable_rows": np.array([number for number, _ in self._unusable], dtype=np.int64),
            "reasons": np.array([reason for _, reason in self._unusable], dtype=np.str_),
            "truncated_rows": np.array(self._truncated, dtype=np.int64),
            "windowed_rows": np.array(self._windowed, dtype=np.int64),
        }
        if self._lengths:
            arrays["offsets"] = _offsets(np.concatenate(self._lengths))
        if self._names is not None:
            arrays["ids"] = np.array(self._names, dtype=np.str_)
        return arrays


class _Numpy(VectorFile):
    """Appends vectors to a raw file; the header, which has their number, is written at the end."""

    def __init__(self, path: Path, raw: IO[bytes], alone: bool) -> None:
        self._path, self._raw, self._alone = path, raw, alone
        self._rows, self._count = _Rows(), 0
        self._shape: tuple[int, ...] = ()

    def add(self, chunk: RowChunk, vectors: Vectors) -> None:
        self._raw.write(np.ascontiguousarray(vectors.values).data)
        self._count += len(vectors.values)
        self._shape = vectors.values.shape[1:]
        self._rows.add(chunk, vectors)

    def finish(self) -> None:
        if self._alone:
            with self._path.open("wb") as whole:
                self._copy(whole)
            return
        with zipfile.ZipFile(self._path, "w") as archive:
            with archive.open("vectors.npy", "w", force_zip64=True) as member:
                self._copy(member)
            for name, array in self._rows.arrays().items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, allow_pickle=False)

    def _copy(self, whole: IO[bytes]) -> None:
        """Write the header and copy the vectors."""
        header = {"descr": "<f4", "fortran_order": False, "shape": (self._count, *self._shape)}
        np.lib.format.write_array_header_1_0(whole, header)
        self._raw.seek(0)
        while block := self._raw.read(1 << 22):
            whole.write(block)


@contextmanager
def _opened_numpy(path: Path, alone: bool) -> Iterator[_Numpy]:
    raw = path.with_name(f"{path.name}.raw")
    try:
        with raw.open("w+b") as file:
            yield _Numpy(path, file, alone)
            file.flush()
    finally:
        raw.unlink(missing_ok=True)


class _Hdf5(VectorFile):
    """Appends vectors to a resizable data set; the other arrays are written at the end."""

    def __init__(self, file: Any, target: Hdf5Target) -> None:  # noqa: ANN401 - h5py has no types
        self._file, self._target, self._rows = file, target, _Rows()

    def add(self, chunk: RowChunk, vectors: Vectors) -> None:
        values = vectors.values
        if "vectors" not in self._file:
            rows_in_chunk = max(1, (1 << 18) // max(1, values[:1].size))
            shape = values.shape[1:]
            options = {"dtype": "f4", "maxshape": (None, *shape), "chunks": (rows_in_chunk, *shape)}
            self._file.create_dataset("vectors", (0, *shape), **options)
        data = self._file["vectors"]
        data.resize(len(data) + len(values), axis=0)
        data[len(data) - len(values) :] = values
        self._target.check()
        self._rows.add(chunk, vectors)

    def finish(self) -> None:
        for name, array in self._rows.arrays().items():
            text = array.dtype.kind == "U"
            self._file.create_dataset(name, data=array.astype(object) if text else array, dtype=self._type(text))

    def _type(self, text: bool) -> Any:  # noqa: ANN401 - h5py has no types
        import h5py

        return h5py.string_dtype() if text else None


@contextmanager
def _opened_hdf5(path: Path) -> Iterator[_Hdf5]:
    try:
        import h5py
    except ImportError as error:
        raise UserError("HDF5 files need h5py: pip install 'sma-core[hdf5]', or write .npz or .parquet") from error
    with Hdf5Target(path) as target:
        with h5py.File(target, "w") as file:
            yield _Hdf5(file, target)
        target.check()


def _offsets(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
