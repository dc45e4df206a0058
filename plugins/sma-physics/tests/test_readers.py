"""Readers of HDF5, ROOT and the hub's lists: the same rows in blocks, and what they refuse."""

import csv
import tracemalloc

import numpy as np
import pytest

from sma_core.data.blocks import Block
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_physics.readers import blocks as blocks_module
from sma_physics.readers.hdf5 import read_hdf5
from sma_physics.readers.lists import read_lists
from sma_physics.readers.root import read_root
from sma_physics.schema import FEATURE_NAMES

ROWS = 1000
VALUES = np.arange(3 * ROWS, dtype=np.float64).reshape(ROWS, 3) / 7
LABELS = (np.arange(ROWS) % 2).astype(np.int32)
COLUMNS = ("pt", "eta", "phi")


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks_module, "ROWS_IN_BLOCK", 300)


def gather(records):
    """Put blocks together: numbers, values, fields, columns, and the rows set aside."""
    records = list(records)
    found = [record for record in records if isinstance(record, Block)]
    aside = [record for record in records if isinstance(record, RejectedRow)]
    fields = [np.concatenate(parts) for parts in zip(*(block.fields for block in found), strict=True)]
    numbers = np.concatenate([block.numbers for block in found])
    return numbers, np.concatenate([block.values for block in found]), fields, found[0].columns, aside, len(found)


class Hdf5:
    """Files of one-dimensional datasets in a group."""

    needs = "h5py"
    read = staticmethod(read_hdf5)

    @staticmethod
    def write(path, columns):
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w", track_order=True) as file:
            group = file.create_group("events", track_order=True)
            for name, column in columns.items():
                group[name] = column


class Root:
    """Files of one tree."""

    needs = "uproot"
    read = staticmethod(read_root)

    @staticmethod
    def write(path, columns):
        uproot = pytest.importorskip("uproot")
        with uproot.recreate(path) as file:
            file.mktree("events", {name: column.dtype for name, column in columns.items()})
            file["events"].extend(columns)


@pytest.fixture(params=[Hdf5, Root])
def form(request):
    pytest.importorskip(request.param.needs)
    return request.param


def columns_of(values=VALUES, labels=LABELS):
    return {"label": labels, **dict(zip(COLUMNS, values.T.copy(), strict=True))}


def test_rows_come_in_bounded_blocks(tmp_path, form, small_blocks):
    form.write(tmp_path / "a", columns_of())
    numbers, values, fields, columns, aside, count = gather(form.read(tmp_path / "a", ("phi", "pt"), ("label",)))
    assert numbers.tolist() == list(range(1, ROWS + 1))
    np.testing.assert_array_equal(values, VALUES[:, [2, 0]].astype(np.float32))
    assert values.dtype == fields[0].dtype == np.float32
    np.testing.assert_array_equal(fields[0], LABELS)
    assert columns == ("phi", "pt")
    assert aside == []
    assert count == 4


def test_all_columns_but_the_labels_are_features(tmp_path, form):
    form.write(tmp_path / "a", columns_of())
    _, values, _, columns, _, _ = gather(form.read(tmp_path / "a", (), ("label",)))
    assert [name.rpartition("/")[2] for name in columns] == list(COLUMNS)
    np.testing.assert_array_equal(values, VALUES.astype(np.float32))


def test_an_infinite_number_spoils_its_row_and_a_missing_one_does_not(tmp_path, form):
    values = VALUES.copy()
    values[4, 1], values[6, 0] = np.inf, np.nan
    form.write(tmp_path / "a", columns_of(values))
    numbers, read, _, _, aside, _ = gather(form.read(tmp_path / "a", COLUMNS, ()))
    assert [(row.number, row.kind) for row in aside] == [(5, "not a finite float32 number")]
    assert 5 not in numbers
    assert np.isnan(read[5, 0])


def test_a_column_that_is_not_there_is_said(tmp_path, form):
    form.write(tmp_path / "a", columns_of())
    with pytest.raises(DataError, match="has no column 'ptt'"):
        list(form.read(tmp_path / "a", ("ptt",), ()))


def test_a_file_without_rows_is_said(tmp_path, form):
    form.write(tmp_path / "a", columns_of(VALUES[:0], LABELS[:0]))
    with pytest.raises(DataError, match="holds no rows"):
        list(form.read(tmp_path / "a", COLUMNS, ()))


@pytest.mark.parametrize("content", [b"", b"no such format", b"root" + bytes(300)])
def test_another_format_is_said(tmp_path, form, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=r"not a readable|has no tree"):
        list(form.read(tmp_path / "a", (), ()))


def test_a_missing_file_is_said(tmp_path, form):
    with pytest.raises(DataError, match="there is no file"):
        list(form.read(tmp_path / "a", (), ()))


def test_hdf5_table_with_labels_beside_it(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["inputs"] = VALUES.astype(np.float32)
        file["label"] = LABELS
        file["kind"] = np.array([b"signal", b"other"] * (ROWS // 2))
    _, values, fields, columns, _, _ = gather(read_hdf5(path, COLUMNS, ("label", "kind"), names=COLUMNS))
    np.testing.assert_array_equal(values, VALUES.astype(np.float32))
    assert fields[1][:2].tolist() == ["signal", "other"]
    assert columns == COLUMNS
    assert gather(read_hdf5(path, (), ("label", "kind")))[3] == ("0", "1", "2")
    with pytest.raises(DataError, match="not one number per row"):
        list(read_hdf5(path, (), ()))


def test_hdf5_tables_that_would_be_left_out_are_said_and_can_be_named(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["X"], file["Z"], file["jets"] = VALUES, VALUES + 1, np.zeros((ROWS, 2, 2))
        file["m"], file["label"] = VALUES[:, 0], LABELS
    with pytest.raises(DataError, match=r"jets \(1000 x 2 x 2\) would be left out"):
        list(read_hdf5(path, (), ("label",)))
    with h5py.File(path, "a") as file:
        del file["jets"]
    with pytest.raises(DataError, match=r"2 tables: X \(1000 x 3\), Z \(1000 x 3\); .* X/0, .* data\.tree=NAME"):
        list(read_hdf5(path, (), ("label",)))
    _, values, fields, columns, _, _ = gather(read_hdf5(path, (), ("label",), tree="Z", names=COLUMNS))
    np.testing.assert_array_equal(values, (VALUES + 1).astype(np.float32))
    np.testing.assert_array_equal(fields[0], LABELS)
    assert columns == COLUMNS
    _, values, _, columns, _, _ = gather(read_hdf5(path, ("Z/2", "X/0", "m"), ()))
    np.testing.assert_array_equal(values, np.stack([VALUES[:, 2] + 1, *VALUES[:, [0, 0]].T], 1).astype(np.float32))
    with pytest.raises(DataError, match="has no dataset or group 'Y'; its datasets are: X"):
        list(read_hdf5(path, (), (), tree="Y"))


def test_hdf5_that_declares_more_than_it_stores_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", shape=(10, 2**33), dtype="f4", chunks=(1, 1024))
        file.create_dataset("y", shape=(2**33,), dtype="f4", chunks=(1024,))
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match=r"has 8,589,934,592 columns; at most 100,000 are read"):
        list(read_hdf5(path, (), (), tree="x"))
    with h5py.File(path, "a") as file:
        del file["x"]
    with pytest.raises(DataError, match=r"y \(8589934592\) declares 34,359,738,368 bytes, but the file stores 0"):
        list(read_hdf5(path, (), ()))


def test_hdf5_compound_rows(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.h5"
    rows = np.zeros(ROWS, dtype=[("pt", "f8"), ("eta", "f4"), ("label", "i1")])
    rows["pt"], rows["eta"], rows["label"] = VALUES[:, 0], VALUES[:, 1], LABELS
    with h5py.File(path, "w") as file:
        file["table"] = rows
    _, values, fields, columns, _, _ = gather(read_hdf5(path, ("eta", "pt"), ("label",)))
    np.testing.assert_array_equal(values, VALUES[:, [1, 0]].astype(np.float32))
    np.testing.assert_array_equal(fields[0], LABELS)
    assert columns == ("eta", "pt")


def test_hdf5_columns_of_other_lengths_are_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["pt"], file["edges"] = VALUES[:, 0], VALUES[:5, 1]
    with pytest.raises(DataError, match="columns of equal length"):
        list(read_hdf5(tmp_path / "a.h5", (), ()))
    assert len(gather(read_hdf5(tmp_path / "a.h5", ("pt",), ()))[0]) == ROWS


def test_root_picks_the_tree_that_has_the_branches(tmp_path):
    uproot = pytest.importorskip("uproot")
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {"pt": "f8", "eta": "f8"})
        file["events"].extend({"pt": VALUES[:, 0], "eta": VALUES[:, 1]})
        file.mktree("runs", {"run": "i4"})
        file["runs"].extend({"run": LABELS})
    np.testing.assert_array_equal(gather(read_root(path, ("eta",), ()))[1][:, 0], VALUES[:, 1].astype(np.float32))
    with pytest.raises(DataError, match=r"has 2 trees \(events, runs\)"):
        list(read_root(path, (), ()))


def test_root_trees_of_equal_branches_are_told_apart_by_name(tmp_path):
    uproot = pytest.importorskip("uproot")
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        for name, shift in (("nominal", 0), ("systematic", 1)):
            file.mktree(name, dict.fromkeys(COLUMNS, "f8"))
            file[name].extend(dict(zip(COLUMNS, (VALUES + shift).T.copy(), strict=True)))
    with pytest.raises(DataError, match=r"of which 2 have the requested branches; name one with data\.tree=NAME"):
        list(read_root(path, COLUMNS, ()))
    values = gather(read_root(path, (), (), tree="systematic"))[1]
    np.testing.assert_array_equal(values, (VALUES + 1).astype(np.float32))
    with pytest.raises(DataError, match="has no tree 'none'; its trees are: nominal, systematic"):
        list(read_root(path, (), (), tree="none"))


def test_root_ntuples_are_read_like_trees(tmp_path, small_blocks):
    uproot = pytest.importorskip("uproot")
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        if not hasattr(file, "mkrntuple"):
            pytest.skip("this version of uproot writes no RNTuple")
        file.mkrntuple("events", {"pt": "f8", "eta": "f8", "phi": "f8", "label": "i4"})
        file["events"].extend(columns_of())
    _, values, fields, columns, _, count = gather(read_root(path, ("phi", "pt"), ("label",)))
    np.testing.assert_array_equal(values, VALUES[:, [2, 0]].astype(np.float32))
    np.testing.assert_array_equal(fields[0], LABELS)
    assert (columns, count) == (("phi", "pt"), 4)


def test_root_branches_of_varying_count_are_joined_only_when_asked_for(tmp_path):
    uproot = pytest.importorskip("uproot")
    awkward = pytest.importorskip("awkward")
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file.mktree("events", {"pt": "f8", "jets": "var * float64"})
        file["events"].extend({"pt": VALUES[:3, 0], "jets": awkward.Array([[1.0], [], [2.0, 3.0]])})
    assert len(gather(read_root(path, ("pt",), ()))[0]) == 3
    (block,) = read_root(path, ("jets",), ())
    assert block.sequences.lengths.tolist() == [1, 0, 2]


@pytest.mark.parametrize(("read", "package"), [(read_hdf5, "h5py"), (read_root, "uproot")])
def test_the_extra_to_install_is_named(tmp_path, monkeypatch, read, package):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(DataError, match=r"pip install 'sma-physics\[(hdf5|root)\]'"):
        list(read(tmp_path / "a", (), ()))


def test_wide_rows_make_short_blocks():
    assert blocks_module.rows_in_block(28) == blocks_module.ROWS_IN_BLOCK
    assert blocks_module.rows_in_block(40_000) == 100
    assert blocks_module.rows_in_block(10**9) == 1


def test_memory_is_bounded(tmp_path):
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("inputs", (1_000_000, 28), dtype="f4", chunks=(10_000, 28), fillvalue=1.0)
    tracemalloc.start()
    rows = sum(len(block) for block in read_hdf5(tmp_path / "a.h5", (), ()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows == 1_000_000
    assert peak < 60e6


def write_lists(path, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["inputs", "label"], *rows])


def test_lists_are_features(tmp_path, small_blocks):
    values = np.arange(28.0 * 700).reshape(700, 28) / 3
    write_lists(tmp_path / "a.csv", [[row.tolist(), at % 2] for at, row in enumerate(values)])
    _, read, fields, columns, aside, count = gather(read_lists(tmp_path / "a.csv", FEATURE_NAMES, ("label",)))
    np.testing.assert_array_equal(read, values.astype(np.float32))
    np.testing.assert_array_equal(fields[0], np.arange(700) % 2)
    assert columns == FEATURE_NAMES
    assert (aside, count) == ([], 3)


def test_rows_that_are_no_lists_are_set_aside(tmp_path):
    write_lists(tmp_path / "a.csv", [["[1, nan]", 1], ["[1]", 0], ["text", 0], ["[1, 2", 0], ["[3, 4]", ""]])
    numbers, values, fields, _, aside, _ = gather(read_lists(tmp_path / "a.csv", (), ("label",), names=("a", "b")))
    assert numbers.tolist() == [1, 5]
    np.testing.assert_array_equal(values, np.float32([[1, np.nan], [3, 4]]))
    np.testing.assert_array_equal(fields[0], np.float32([1, np.nan]))
    assert [row.number for row in aside] == [2, 3, 4]


@pytest.mark.parametrize("way", ["link", "virtual", "raw"])
def test_hdf5_data_in_other_files_are_not_followed(tmp_path, way):
    h5py = pytest.importorskip("h5py")
    other, path = tmp_path / "other.h5", tmp_path / "a.h5"
    with h5py.File(other, "w") as file:
        file["secret"] = VALUES
    with h5py.File(path, "w") as file:
        if way == "link":
            file["X"] = h5py.ExternalLink(str(other), "secret")
        elif way == "virtual":
            layout = h5py.VirtualLayout(VALUES.shape, VALUES.dtype)
            layout[:] = h5py.VirtualSource(str(other), "secret", shape=VALUES.shape)
            file.create_virtual_dataset("X", layout)
        else:
            file.create_dataset("X", (2, 2), "f8", external=[(str(other), 0, h5py.h5f.UNLIMITED)])
    with pytest.raises(DataError, match="X lies in another file, which is not followed"):
        list(read_hdf5(path, (), ()))
