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


TRACKS = [("pt", "f4"), ("eta", "f8"), ("charge", "i1")]


def tracks(draw):
    values = np.zeros((5, 3), TRACKS)
    for name in ("pt", "eta"):
        values[name] = draw.normal(size=(5, 3))
    values["charge"] = draw.integers(-1, 2, (5, 3))
    return values


def test_a_compound_dataset_of_two_dimensions_has_sequences(tmp_path):
    h5py = pytest.importorskip("h5py")
    values = tracks(np.random.default_rng(0))
    jets = np.zeros(5, [("mass", "f4"), ("flavour", "i4")])
    jets["flavour"] = range(5)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"], file["jets"], file["lengths"] = values, jets, [3, 2, 1, 0, 3]
    (block,) = read_hdf5(tmp_path / "a.h5", (), ("flavour",))
    assert block.columns == ("pt", "eta", "charge")
    assert np.diff(block.offsets).tolist() == [3, 2, 1, 0, 3]
    assert block.fields[0].tolist() == [0, 1, 2, 3, 4]
    expected = np.stack([values[name][1, :2] for name, _ in TRACKS], axis=1).astype(np.float32)
    np.testing.assert_array_equal(block.sequences[1], expected)
    (block,) = read_hdf5(tmp_path / "a.h5", ("charge", "pt"), ())
    np.testing.assert_array_equal(block.sequences[1], expected[:, [2, 0]])
    (block,) = read_hdf5(tmp_path / "a.h5", (), (), exclude=("eta",))
    assert block.columns == ("pt", "charge")


def test_several_compound_datasets_of_sequences_are_not_chosen_between(tmp_path):
    h5py = pytest.importorskip("h5py")
    values = tracks(np.random.default_rng(0))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["tracks"], file["clusters"], file["label"] = values, values, np.arange(5)
    with pytest.raises(DataError, match=r"clusters \(5 x 3\), tracks \(5 x 3\) would be left out.*data.tree=NAME"):
        list(read_hdf5(tmp_path / "a.h5", (), ("label",)))
    (block,) = read_hdf5(tmp_path / "a.h5", (), ("label",), tree="tracks")
    assert block.columns == ("pt", "eta", "charge")


def test_datasets_of_two_dimensions_are_channels_when_they_are_named(tmp_path):
    h5py = pytest.importorskip("h5py")
    draw = np.random.default_rng(0)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for name in ("pt", "eta"):
            file[f"parts/{name}"] = draw.normal(size=(4, 3))
        file["label"] = np.arange(4)
        eta = file["parts/eta"][:].astype(np.float32)
    with pytest.raises(DataError, match=r"if each is a channel of sequences, with data\.columns=eta,pt"):
        list(read_hdf5(tmp_path / "a.h5", (), ("label",)))
    (block,) = read_hdf5(tmp_path / "a.h5", ("pt", "eta"), ("label",))
    assert block.columns == ("pt", "eta")
    np.testing.assert_array_equal(block.sequences[2][:, 1], eta[2])
    assert block.fields[0].tolist() == [0, 1, 2, 3]


def test_a_record_of_an_rntuple_is_refused(tmp_path):
    uproot, awkward = pytest.importorskip("uproot"), pytest.importorskip("awkward")
    particles = awkward.zip({"x": awkward.Array(PT), "y": awkward.Array(PT)})
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mkrntuple("jets", {"p": particles, "kind": np.array([0, 1, 0, 1])})
    for columns in ((), ("p",), ("p.x",)):
        with pytest.raises(DataError, match="p is a record of several fields, which is not read"):
            list(read_root(tmp_path / "a.root", columns, ("kind",)))
