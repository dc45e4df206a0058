"""Damaged and unusual files of numbers get a sentence."""

import os
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from sma_core.data.readers.arrays import read_arrays
from sma_core.data.readers.parquet import read_parquet
from sma_core.data.remote.access import FetchError, fetch_errors
from sma_core.errors import DataError

HEADER = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }"


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2",
        b"{'descr': 'nonsense', 'fortran_order': False, 'shape': (3, 2), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, 2), }",
        b"{'descr': '<f4', 'shape': 3}",
        b"\xff\xfe\x00",
        b"((((((",
    ],
)
def test_damaged_headers_of_arrays(tmp_path, header):
    path = tmp_path / "a.npy"
    padded = header.ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + bytes(24))
    with pytest.raises(DataError, match=r"a\.npy is not a readable NumPy file|must hold one array of numbers"):
        list(read_arrays(path, (), ()))


def test_archives_without_arrays(tmp_path):
    np.savez(tmp_path / "empty.npz")
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as archive:
        archive.writestr("notes.txt", "no array")
    np.savez(tmp_path / "two.npz", a=np.zeros((2, 2)), b=np.zeros((3, 4)))
    for name, held in (("empty", "no array"), ("other", "no array"), ("two", r"a \(2 x 2\), b \(3 x 4\)")):
        with pytest.raises(DataError, match=f"must hold one array of numbers.*; it holds {held}"):
            list(read_arrays(tmp_path / f"{name}.npz", (), ()))


def test_columns_of_parquet_that_occur_twice(tmp_path):
    column = pa.array([1.0, 2.0])
    parquet.write_table(pa.table([column, column, column], names=["x", "y", "x"]), tmp_path / "a.parquet")
    for columns in ((), ("y",)):
        with pytest.raises(DataError, match="has 2 columns named 'x'; give each a unique name"):
            list(read_parquet(tmp_path / "a.parquet", columns, ()))


def test_redirects_without_end_are_said():
    class TooManyRedirects(Exception):
        status = 0

    with pytest.raises(FetchError, match="the server redirects without end"), fetch_errors("https://host/a.csv"):
        raise TooManyRedirects


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
@pytest.mark.parametrize(("read", "name"), [(read_arrays, "a.npy"), (read_parquet, "a.parquet")])
def test_pipes_do_not_hang(tmp_path, read, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(DataError, match="is a pipe or device"):
        list(read(tmp_path / name, (), ()))
