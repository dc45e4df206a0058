"""Columns and channels that are left out, in every reader of numbers."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from sma_core.data import plugin_code
from sma_core.data.blocks import Block
from sma_core.data.readers.arrays import read_arrays
from sma_core.data.readers.parquet import read_parquet
from sma_core.data.readers.table import read_table
from sma_core.errors import DataError

VALUES = np.arange(24, dtype=np.float32).reshape(4, 2, 3)  # (n, N, C)


def plain_reader(path, columns, fields, *, names=()):
    """Read sequences without knowing of excluded columns."""
    own = tuple(np.array(["a"] * 4, dtype=object) for _ in fields)
    yield Block(np.arange(1, 5), VALUES.reshape(8, 3), own, ("x", "y", "z"), np.arange(0, 9, 2))


@pytest.fixture
def files(tmp_path):
    np.savez(tmp_path / "sequences.npz", x=VALUES, label=np.arange(4))
    np.savez(tmp_path / "table.npz", x=VALUES[:, 0], label=np.arange(4))
    vectors = pa.array(VALUES.tolist(), pa.list_(pa.list_(pa.float32())))
    parquet.write_table(pa.table({"x": vectors, "label": np.arange(4)}), tmp_path / "vectors.parquet")
    columns = {str(channel): VALUES[:, :, channel].tolist() for channel in range(3)}
    parquet.write_table(pa.table({**columns, "label": np.arange(4)}), tmp_path / "lists.parquet")
    rows = "\n".join(",".join(map(str, [*row, 0])) for row in VALUES[:, 0].tolist())
    (tmp_path / "table.csv").write_text(f"0,1,2,label\n{rows}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("reader", "name", "others"),
    [
        (read_arrays, "sequences.npz", ()),
        (read_arrays, "table.npz", ()),
        (read_parquet, "vectors.parquet", ("label",)),
        (read_parquet, "lists.parquet", ("label",)),
        (read_table, "table.csv", ("label",)),
    ],
)
def test_an_excluded_channel_is_not_read(files, reader, name, others):
    (block,) = plugin_code.read_blocks(reader, files / name, (), (), ("1", *others), names=())
    assert block.names(()) == ("0", "2")
    assert block.values.shape[1] == 2
    np.testing.assert_array_equal(block.values[0], [0, 2])
    assert block.fields == ()


def test_a_reader_that_knows_no_excluded_columns_loses_them_after_reading(tmp_path):
    (block,) = plugin_code.read_blocks(plain_reader, tmp_path, (), ("label",), ("y", "other"), names=())
    assert block.names(()) == ("x", "z")
    np.testing.assert_array_equal(block.values[0], [0, 2])
    assert len(block.fields) == 1


@pytest.mark.parametrize("name", ["sequences.npz", "vectors.parquet"])
def test_an_excluded_channel_that_is_not_there_is_named(files, name):
    reader = read_arrays if name.endswith("npz") else read_parquet
    with pytest.raises(DataError, match="'9'"):
        list(reader(files / name, (), ("label",), exclude=("9",)))
    with pytest.raises(DataError, match=r"none is left|no column besides"):
        list(reader(files / name, (), ("label",), exclude=("0", "1", "2")))


def test_lengths_of_another_name_are_refused_when_zeros_show_that_they_are(tmp_path):
    padded = VALUES + 1
    padded[0, 1:] = 0
    np.savez(tmp_path / "a.npz", x=padded, n=np.array([1, 2, 2, 2]))
    with pytest.raises(DataError, match="'n' has the number of positions of each row before its zeros"):
        list(read_arrays(tmp_path / "a.npz", (), ()))
    np.savez(tmp_path / "b.npz", x=padded, n=np.array([2, 2, 2, 2]))
    (block,) = read_arrays(tmp_path / "b.npz", (), ("n",))
    assert block.fields[0].tolist() == [2, 2, 2, 2]
