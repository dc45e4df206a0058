"""Readers of HDF5 and ROOT on rows that are lists of particles, with the values that were written."""

from __future__ import annotations

import numpy as np
import pytest

from sma_core.data.blocks import Block
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_physics.readers.hdf5 import read_hdf5
from sma_physics.readers.root import read_root

PT = [[5.0, 2.0], [3.0], [], [6.0, 5.0, 4.0]]


def write_root(path, kind, eta=None):
    uproot, awkward = pytest.importorskip("uproot"), pytest.importorskip("awkward")
    pt = awkward.Array(PT)
    columns = {"pt": pt, "eta": pt * 2 if eta is None else awkward.Array(eta), "y": np.array([0, 1, 0, 1])}
    with uproot.recreate(path) as file:
        if kind == "mkrntuple":
            file.mkrntuple("jets", columns)
        else:
            file.mktree("jets", {"pt": "var * float32", "eta": "var * float64", "y": "int32"}).extend(columns)


@pytest.mark.parametrize("kind", ["mktree", "mkrntuple"])
def test_branches_of_lists_are_channels(tmp_path, kind):
    write_root(tmp_path / "a.root", kind)
    (block,) = read_root(tmp_path / "a.root", ("eta", "pt"), ("y",))
    assert block.columns == ("eta", "pt")
    assert [block.sequences[row].tolist() for row in range(4)] == [[[2 * pt, pt] for pt in row] for row in PT]
    assert block.fields[0].tolist() == [0, 1, 0, 1]


def test_lists_of_different_lengths_make_a_row_unusable(tmp_path):
    write_root(tmp_path / "a.root", "mktree", [[1.0, 1.0], [1.0, 1.0], [], [1.0, 1.0, 1.0]])
    rejected, block = read_root(tmp_path / "a.root", ("pt", "eta"), ("y",))
    assert isinstance(rejected, RejectedRow)
    assert isinstance(block, Block)
    assert rejected.number == 2
    assert rejected.reason == "channels of different lengths: pt has 1 position, eta has 2"
    assert block.numbers.tolist() == [1, 3, 4]
    assert block.values[:, 0].tolist() == [5, 2, 6, 5, 4]


def test_lists_and_single_numbers_are_not_joined_unasked(tmp_path):
    write_root(tmp_path / "a.root", "mktree")
    with pytest.raises(DataError, match=r"columns of lists \(pt, eta\) and of single numbers .*name those to use"):
        list(read_root(tmp_path / "a.root", (), ()))
    (block,) = read_root(tmp_path / "a.root", (), ("y",), exclude=("y", "eta"))
    assert block.columns == ("pt",)
    (block,) = read_root(tmp_path / "a.root", (), ("y", "npt"))
    assert block.columns == ("pt", "eta")
    assert block.fields[1].tolist() == np.diff(block.offsets).tolist()


@pytest.mark.parametrize("with_lengths", [True, False])
def test_a_dataset_of_three_dimensions_has_sequences(tmp_path, with_lengths):
    h5py = pytest.importorskip("h5py")
    values = np.arange(24.0).reshape(2, 4, 3)
    values[1, 2:] = 0.0 if with_lengths else np.nan
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["jets/particles"], file["jets/y"] = values, [0, 1]
        if with_lengths:
            file["jets/lengths"] = [4, 2]
    (block,) = read_hdf5(tmp_path / "a.h5", (), ("y",), names=("pt", "eta", "phi"))
    assert block.columns == ("pt", "eta", "phi")
    assert block.sequences[0].tolist() == values[0].tolist()
    assert block.sequences[1].tolist() == values[1, :2].tolist()
    (other,) = read_hdf5(tmp_path / "a.h5", ("2",), ("jets/y",))
    assert other.values[:, 0].tolist() == [2, 5, 8, 11, 14, 17]
    (rest,) = read_hdf5(tmp_path / "a.h5", (), ("y",), exclude=("1", "jets/y"))
    assert rest.columns == ("0", "2")
    assert rest.sequences[1].tolist() == values[1, :2, [0, 2]].T.tolist()
    with pytest.raises(DataError, match=r"has no column '7'"):
        list(read_hdf5(tmp_path / "a.h5", ("7",), ()))


def test_lengths_that_do_not_fit_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["particles"], file["lengths"] = np.zeros((2, 4, 3)), [5, 1]
    with pytest.raises(DataError, match="whole number from 0 to 4 for each of the 2 rows"):
        list(read_hdf5(tmp_path / "a.h5", (), ()))


def test_a_record_of_an_rntuple_is_refused(tmp_path):
    uproot, awkward = pytest.importorskip("uproot"), pytest.importorskip("awkward")
    particles = awkward.zip({"x": awkward.Array(PT), "y": awkward.Array(PT)})
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mkrntuple("jets", {"p": particles, "kind": np.array([0, 1, 0, 1])})
    for columns in ((), ("p",), ("p.x",)):
        with pytest.raises(DataError, match="p is a record of several fields, which is not read"):
            list(read_root(tmp_path / "a.root", columns, ("kind",)))
