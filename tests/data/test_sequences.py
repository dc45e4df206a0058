"""Rows that are sequences of vectors: blocks, stores, readers and batches."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest

from sma_core.data.batching.batches import collate, collate_sequences
from sma_core.data.blocks import Block
from sma_core.data.plugin_code import read
from sma_core.data.preparation.value_rows import stored_type
from sma_core.data.readers.arrays import read_arrays
from sma_core.data.records import RejectedRow
from sma_core.data.scaling import FeatureScale, without_sentinels
from sma_core.data.sequences import Sequences
from sma_core.data.store.format import StoreMetadata
from sma_core.data.store.store import Store
from sma_core.data.store.writer import StoreWriter
from sma_core.errors import DataError, PluginError

CHANNELS = ("x", "y", "z")
LENGTHS = [3, 1, 5, 2]


def rows(lengths=LENGTHS, channels=3, seed=0) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    return [draw.normal(size=(length, channels)).astype(np.float32) for length in lengths]


def store_of(tmp_path, listed, name="rows.arrow", parts=2) -> Store:
    path = tmp_path / name
    with StoreWriter(path, StoreMetadata(columns=CHANNELS, sequences=True, targets=("t",))) as writer:
        for start in range(0, len(listed), parts):
            part = Sequences.joined(listed[start : start + parts], 3)
            numbers = np.arange(start + 1, start + 1 + len(part))
            writer.append_sequences(part, numbers, numbers[:, None].astype(np.float32))
            writer._flush()  # several record batches
    return Store.open(path)


def test_a_sequence_keeps_its_rows_when_taken_and_shortened():
    listed = rows()
    sequences = Sequences.joined(listed, 3)
    assert sequences.lengths.tolist() == LENGTHS
    for index, row in enumerate(sequences.take(np.array([2, 0, 2]))[place] for place in range(3)):
        np.testing.assert_array_equal(row, listed[[2, 0, 2][index]])
    short = sequences.shortened(2)
    assert short.lengths.tolist() == [2, 1, 2, 2]
    np.testing.assert_array_equal(short[2], listed[2][:2])
    assert sequences.shortened(5) is sequences
    assert Sequences.joined([], 3).values.shape == (0, 3)


def test_rows_without_values_and_with_infinities_are_found():
    first, second, third = (row.copy() for row in rows([2, 2, 2]))
    first[:] = np.nan
    second[1] = np.nan
    third[1, 2] = np.inf
    sequences = Sequences.joined([first, second, third, np.empty((0, 3))], 3)
    assert sequences.without_values().tolist() == [True, False, False, True]
    assert sequences.with_infinity().tolist() == [False, False, True, False]


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [1, 2], [3, 0, 2, 2], [2], []])
def test_a_store_gives_back_the_vectors_of_any_rows(tmp_path, order):
    listed = rows()
    store = store_of(tmp_path, listed)
    assert store.lengths.tolist() == LENGTHS
    assert store.statistics.longest == 5
    expected = np.concatenate([np.empty((0, 3), np.float32), *(listed[row] for row in order)])
    np.testing.assert_array_equal(store.gather(np.array(order, dtype=np.int64)), expected)
    taken = store.sequences(np.array(order, dtype=np.int64))
    assert [len(taken[row]) for row in range(len(taken))] == [LENGTHS[row] for row in order]
    np.testing.assert_array_equal(store.ids(2), listed[2])


def test_several_files_are_one_store(tmp_path):
    first, second = rows(), rows([4, 2], seed=1)
    store_of(tmp_path, first, "a.arrow")
    store_of(tmp_path, second, "b.arrow")
    store = Store.open(tmp_path / "a.arrow", tmp_path / "b.arrow", before=(0, 4))
    expected = np.concatenate([second[0], first[2], second[1]])
    np.testing.assert_array_equal(store.gather(np.array([4, 2, 5])), expected)
    scale = store.scale(np.array([0, 5]))
    both = np.concatenate([first[0], second[1]]).astype(np.float64)
    np.testing.assert_allclose(scale.mean, both.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(scale.spread, both.std(axis=0), rtol=1e-6)


def test_tables_keep_the_format_that_earlier_programs_read():
    import json

    table = StoreMetadata(columns=CHANNELS).schema().metadata[b"sma.store"]
    sequences = StoreMetadata(columns=CHANNELS, sequences=True).schema().metadata[b"sma.store"]
    assert json.loads(table)["format_version"] == 3
    assert "sequences" not in json.loads(table)
    assert json.loads(sequences)["format_version"] == 4


@pytest.mark.parametrize("dtype", ["uint8", "float16"])
def test_a_store_keeps_small_types_and_gives_the_batches_of_float32(tmp_path, dtype):
    listed = [np.round(10 * row + 100).astype(dtype) for row in rows([40, 100, 7])]
    wide = store_of(tmp_path, [row.astype(np.float32) for row in listed], "wide.arrow")
    path = tmp_path / "small.arrow"
    with StoreWriter(path, StoreMetadata(columns=CHANNELS, sequences=True, value_type=dtype)) as writer:
        offsets = np.cumsum([0, *map(len, listed)])
        writer.append_sequences(Sequences(np.concatenate(listed), offsets), np.arange(1, 4))
    small = Store.open(path)
    assert small.gather(np.array([1])).dtype == small.ids(0).dtype == dtype
    assert small.sequences(np.array([2])).values.dtype == np.float32
    scale = wide.scale(np.arange(3))
    assert small.scale(np.arange(3)) == scale
    groups = [np.array([2]), np.array([0]), np.array([1])]
    narrow, full = (collate(store, groups, max_length=104, scale=scale).inputs for store in (small, wide))
    assert narrow.dtype == full.dtype
    np.testing.assert_array_equal(narrow, full)
    head = json.loads(pa.ipc.open_file(str(path)).schema.metadata[b"sma.store"])
    assert head["format_version"] == 5, "earlier programs would read other numbers"
    with pytest.raises(DataError, match="their value type: float32 in the first"):
        Store.open(*sorted(tmp_path.glob("*.arrow"), reverse=True))


@pytest.mark.parametrize(
    ("dtype", "sentinels", "stored"),
    [
        ("uint8", (), "uint8"),
        ("uint8", (-999.0, 0.5, 256.0), "uint8"),
        ("uint8", (255.0,), "float32"),
        ("float16", (-999.0,), "float16"),
        ("float64", (), "float32"),
    ],
)
def test_the_type_of_a_store_holds_what_rows_become(dtype, sentinels, stored):
    values = np.array([[255, 0], [1, 2]]).astype(dtype)
    block = Block(np.array([1, 2]), values, offsets=np.array([0, 1, 2]))
    assert stored_type(block, sentinels) == stored
    assert stored_type(Block(np.array([1, 2]), values), sentinels) == "float32"
    known = without_sentinels(values.astype(stored), sentinels)
    assert known.dtype == stored
    assert np.isnan(known[0, 0]) == (255.0 in sentinels)


def test_batches_are_padded_and_standardised(tmp_path):
    listed = rows()
    store = store_of(tmp_path, listed)
    scale = FeatureScale(CHANNELS, (1.0, 0.0, -1.0), (2.0, 1.0, 0.5))
    batch = collate(store, [np.array([2]), np.array([1])], max_length=16, scale=scale)
    assert batch.inputs.shape == (2, 8, 3)
    assert batch.padding_mask.sum(dim=1).tolist() == [5, 1]
    np.testing.assert_allclose(
        batch.inputs[0, :5], (listed[2] - np.array([1, 0, -1])) / np.array([2, 1, 0.5]), rtol=1e-5
    )
    assert not batch.inputs[0, 5:].any()
    assert batch.labels.tolist() == [[3.0], [2.0]]
    again = collate_sequences(store.sequences(np.array([2, 1])), scale, max_length=16)
    np.testing.assert_array_equal(again.inputs, batch.inputs)


def blocks(path, **options):
    records = list(read(read_arrays, Block, path, options.get("columns", ()), options.get("fields", ())))
    return [record for record in records if isinstance(record, Block)], [
        record for record in records if isinstance(record, RejectedRow)
    ]


def padded(listed, size) -> np.ndarray:
    array = np.full((len(listed), size, listed[0].shape[1]), np.nan, dtype=np.float32)
    for row, values in zip(array, listed, strict=True):
        row[: len(values)] = values
    return array


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_arrays_of_three_dimensions_are_sequences(tmp_path, dtype):
    listed = rows()
    listed[3][0, 1] = np.nan  # missing, not padding
    array = padded(listed, 6).astype(dtype)
    np.savez(tmp_path / "a.npz", rows=array, kind=np.arange(4))
    (block,), rejected = blocks(tmp_path / "a.npz", fields=("kind",))
    assert rejected == []
    assert block.names(()) == ("0", "1", "2")
    assert block.sequences.lengths.tolist() == LENGTHS
    assert block.fields[0].tolist() == [0, 1, 2, 3]
    for index, row in enumerate(listed):
        np.testing.assert_array_equal(block.sequences[index], row.astype(dtype).astype(np.float32))
    np.save(tmp_path / "a.npy", array)
    assert blocks(tmp_path / "a.npy")[0][0].sequences.lengths.tolist() == LENGTHS


def test_an_array_of_lengths_says_what_is_padding(tmp_path):
    array = np.zeros((3, 4, 2), dtype=np.uint8)
    np.savez(tmp_path / "a.npz", images=array, lengths=np.array([4, 2, 0]))
    (block,), _ = blocks(tmp_path / "a.npz")
    assert block.sequences.lengths.tolist() == [4, 2, 0]
    assert block.empty.tolist() == [False, False, True]
    np.savez(tmp_path / "b.npz", images=array, lengths=np.array([4, 5, 0]))
    with pytest.raises(
        DataError,
        match="'lengths' must have a whole number from 0 to 4 for each of the 3 rows",
    ):
        blocks(tmp_path / "b.npz")


@pytest.mark.parametrize(
    ("name", "lengths"),
    [("Lengths", [4, 2, 0]), ("lengths", [4, 2]), ("lengths", [3.5, 2.5, 0.5]), ("lengths", ["4", "2", "0"])],
)
def test_lengths_that_do_not_fit_are_refused(tmp_path, name, lengths):
    np.savez(tmp_path / "a.npz", rows=np.zeros((3, 4, 2)), **{name: np.array(lengths)})
    with pytest.raises(DataError, match=f"'{name}' must have a whole number") as caught:
        blocks(tmp_path / "a.npz")
    assert ("be named 'lengths'" in str(caught.value)) == (name != "lengths")


def test_a_label_named_length_is_no_length_and_lengths_are_no_label(tmp_path):
    np.savez(tmp_path / "a.npz", rows=np.ones((3, 4, 2)), length=np.array([1, 2, 3]))
    (block,), _ = blocks(tmp_path / "a.npz", fields=("length",))
    assert block.sequences.lengths.tolist() == [4, 4, 4]
    np.savez(tmp_path / "b.npz", rows=np.ones((3, 4, 2)), lengths=np.array([1, 2, 3]))
    with pytest.raises(DataError, match="lengths tells where rows end, so it cannot be a label"):
        blocks(tmp_path / "b.npz", fields=("lengths",))


def test_channels_can_be_chosen_and_infinite_rows_are_rejected(tmp_path):
    array = padded(rows(), 6)
    array[2, 1, 2] = np.inf
    np.save(tmp_path / "a.npy", array)
    (block,), (rejected,) = blocks(tmp_path / "a.npy", columns=("2", "0"))
    assert (rejected.number, rejected.reason) == (3, "not a finite float32 number: 2 of position 2 is inf")
    assert block.numbers.tolist() == [1, 2, 4]
    np.testing.assert_array_equal(block.sequences[0], array[0, :3][:, [2, 0]])
    with pytest.raises(DataError, match="channels cannot be labels"):
        blocks(tmp_path / "a.npy", fields=("1",))


GOOD = {
    "numbers": np.array([1, 2]),
    "values": np.zeros((3, 2), dtype=np.float32),
    "columns": ("x", "y"),
    "offsets": np.array([0, 2, 3]),
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"values": np.zeros((2, 3, 2))}, r"values of shape \(2, 3, 2\)"),
        ({"values": np.zeros((3, 2), dtype=np.int64)}, "type int64, where two dimensions of float32 are expected"),
        ({"values": [[1.0, 2.0]]}, "type list"),
        ({"offsets": np.array([0, 3])}, "offsets that are not 3 integers from 0 to 3, in ascending order"),
        ({"offsets": np.array([0, 2, 4])}, "offsets that are not 3 integers"),
        ({"offsets": np.array([0.0, 2.0, 3.0])}, "offsets that are not 3 integers"),
        ({"offsets": np.array([0, 4, 3])}, "offsets that are not 3 integers"),
        ({"offsets": None}, "3 rows of values, but 2 row numbers"),
        ({"columns": ("x",)}, "1 name for 2 columns"),
        ({"fields": (np.arange(3.0),)}, "3 cells in a further column, but 2 rows"),
    ],
)
def test_a_block_of_wrong_shapes_is_one_sentence(tmp_path, change, sentence):
    def wrong(path, columns, fields, *, names=()):
        yield Block(**GOOD)
        yield Block(**GOOD | change)

    with pytest.raises(PluginError, match=rf"wrong gave a block with .*{sentence}.*, after row 2 of rows"):
        list(read(wrong, Block, "rows", (), ()))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((0, 3, 2), "holds no rows"),
        ((4, 0, 2), "has an array of 4 x 0 x 2 numbers, so that its rows are empty"),
        ((4, 3, 0), "has an array of 4 x 3 x 0 numbers"),
        ((4, 0), "has an array of 4 x 0 numbers"),
    ],
)
def test_arrays_without_a_value_are_refused(tmp_path, shape, sentence):
    np.save(tmp_path / "a.npy", np.zeros(shape, dtype=np.float32))
    with pytest.raises(DataError, match=sentence):
        list(read_arrays(tmp_path / "a.npy", (), ()))


def test_an_array_of_objects_is_no_array_of_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[1.0], [1.0, 2.0]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="it holds Python objects, not numbers; pad rows of different length"):
        blocks(tmp_path / "a.npy")
