"""Rows of numbers from a file to a batch: missing values, the scale, the store."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sma_core.data.batching.batches import collate, collate_values
from sma_core.data.batching.epochs import StoreSource
from sma_core.data.batching.held_out import split_held_out
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import ValuesRequest
from sma_core.data.readers.table import read_table
from sma_core.data.scaling import FeatureScale, ScaleSums, fit_scale, without_sentinels
from sma_core.data.store.store import Store, StoreMetadata, StoreWriter
from sma_core.errors import DataError

NAN = float("nan")
COLUMNS = ("a", "b", "c")


@pytest.fixture
def request_for(tmp_path):
    def make(content: str, **settings) -> ValuesRequest:
        source = tmp_path / settings.pop("name", "rows.csv")
        source.write_text(content)
        return ValuesRequest(
            source=source,
            reader=read_table,
            reader_name="table",
            cache=tmp_path / "cache",
            **{"max_length": 8, "max_rejected": 0.9} | settings,
        )

    return make


def lines(values: np.ndarray) -> str:
    return "a,b,c\n" + "".join(",".join(map(str, row)) + "\n" for row in values.tolist())


def test_mean_and_spread_leave_missing_values_out():
    scale = fit_scale([np.array([[1, NAN, 5], [3, NAN, 5], [NAN, NAN, 5]], np.float32)], COLUMNS)
    assert scale.mean == (2.0, 0.0, 5.0)
    assert scale.spread == (1.0, 1.0, 1.0)
    scaled = scale(np.array([[3, 7, NAN]], np.float32))
    assert scaled.dtype == np.float32
    np.testing.assert_equal(scaled, [[1.0, 7.0, NAN]])


def test_the_scale_is_the_same_however_rows_come_and_however_far_from_zero():
    values = (1e7 + np.random.default_rng(0).normal(0, 3, (5000, 2))).astype(np.float32)
    sums = ScaleSums(2)
    for start in range(0, 5000, 77):
        sums.add(values[start : start + 77])
    scale = sums.scale(("a", "b"))
    exact = values.astype(np.float64)
    np.testing.assert_allclose(scale.mean, exact.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(scale.spread, exact.std(axis=0), rtol=1e-9)
    assert FeatureScale.from_json(scale.to_json()) == scale


@pytest.mark.parametrize("unit", [1.0, 1e-12, 1e-30, 1e9])
def test_the_unit_of_a_feature_does_not_matter(unit):
    values = (np.random.default_rng(0).exponential(1.5, (500, 1)) * unit).astype(np.float32)
    scale = fit_scale([values], ("lifetime",))
    scaled = scale(values)
    assert scaled.std() == pytest.approx(1.0, rel=1e-4)
    assert scaled.mean() == pytest.approx(0.0, abs=1e-4)
    assert scale.warnings("count") == []


def test_features_that_tell_nothing_are_named():
    values = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    values[:, 1], values[:, 2], values[:, 4] = 7.3, NAN, values[:, 0]
    scale = fit_scale([values[:20], values[20:]], ("a", "b", "c", "d", "e"))
    assert (scale.constant, scale.missing, scale.duplicates) == (("b",), ("c",), (("a", "e"),))
    assert scale.spread[1] == scale.spread[2] == 1.0
    read = FeatureScale.from_json(scale.to_json())
    assert [sentence.partition(":")[2].partition(";")[0] for sentence in read.warnings("count")] == [
        " b",
        " c",
        " e (as a)",
    ]
    assert "constant" not in fit_scale([values[:, :1]], ("a",)).to_json()


def test_sentinels_become_missing_values():
    values = np.array([[-999, 1], [2, -1]], np.float32)
    np.testing.assert_array_equal(without_sentinels(values, (-999.0, -1.0)), [[NAN, 1], [2, NAN]])
    assert values[0, 0] == -999


def test_values_come_back_as_views_of_the_map(tmp_path, monkeypatch):
    monkeypatch.setattr("sma_core.data.store.writer.ROWS_IN_BATCH", 150)
    values = np.random.default_rng(0).normal(size=(1000, 3)).astype(np.float32)
    values[::7, 1] = NAN
    targets = np.arange(1000, dtype=np.float32)[:, None]
    metadata = StoreMetadata(source="x", columns=COLUMNS, targets=("y",))
    with StoreWriter(tmp_path / "a.arrow", metadata) as writer:
        for start in range(0, 1000, 90):
            part = slice(start, start + 90)
            writer.append_values(values[part], np.arange(1000)[part] + 1, targets[part])
    store = Store.open(tmp_path / "a.arrow")
    assert len(store) == 1000
    assert store.metadata == metadata
    assert (store.statistics.longest, store.statistics.ids) == (3, 3000)
    np.testing.assert_array_equal(store.values(np.arange(1000)), values)
    np.testing.assert_array_equal(store.ids(567), values[567])
    assert not store.ids(567).flags.owndata
    assert store.targets[:, 0].tolist() == list(range(1000))
    assert store.scale(np.arange(1000)) == fit_scale([values], COLUMNS)
    assert pickle.loads(pickle.dumps(store)).ids(3).tolist() == store.ids(3).tolist()


def test_an_empty_store_of_values_is_a_store(tmp_path):
    with StoreWriter(tmp_path / "a.arrow", StoreMetadata(columns=COLUMNS)):
        pass
    store = Store.open(tmp_path / "a.arrow")
    assert len(store) == 0
    assert store.scale(np.arange(0)) == FeatureScale(COLUMNS, (0.0,) * 3, (1.0,) * 3)


def test_the_scale_is_that_of_the_rows_asked_for(request_for):
    values = np.random.default_rng(0).normal(size=(400, 3)).astype(np.float32)
    store = prepare(request_for(lines(values))).open()
    train, apart = split_held_out(store.row_numbers, 0.2, "rows.csv")
    np.testing.assert_allclose(store.scale(train).mean, values[train].astype(np.float64).mean(axis=0), rtol=1e-9)
    values[apart] += 1000.0
    again = prepare(request_for(lines(values))).open()
    assert again.scale(train) == store.scale(train)
    assert again.scale(apart) != store.scale(apart)


def test_rows_without_a_value_or_a_label_are_set_aside(request_for):
    content = "y,a,b,c\n1,-9,,\n,1,2,3\nmaybe,1,2,3\ntrue,1,-9,3\n0,4,5,6\n"
    prepared = prepare(request_for(content, targets=("y",), sentinels=(-9.0,)))
    store = prepared.open()
    np.testing.assert_array_equal(store.values(np.arange(2)), np.array([[1, NAN, 3], [4, 5, 6]], np.float32))
    assert store.targets.tolist() == [[1.0], [0.0]]
    assert store.row_numbers.tolist() == [4, 5]
    assert prepared.summary.reasons == {"empty": 1, "no target": 1, "target is not a number": 1}


def test_class_names_are_numbered_in_their_order(request_for):
    content = "kind,a\nz,1\nb,2\n,3\nz,4\na,5\n"
    prepared = prepare(request_for(content, targets=("kind",), label_form="classes"))
    store = prepared.open()
    assert store.classes == ("a", "b", "z")
    assert store.targets.tolist() == [[2.0], [1.0], [2.0], [0.0]]
    numbers = prepare(request_for("kind,a\n10,1\n9,2\n10,3\n", targets=("kind",), label_form="classes"))
    assert numbers.open().classes == ("9", "10")


@pytest.mark.parametrize(
    ("content", "change", "sentence"),
    [
        ("a,b\n1,2\n3,4\n", {"max_length": 1}, r"rows of 2 numbers, but model\.max_length is 1"),
        ("a,b\nx,2\ny,4\n", {}, r"none of the first 2 rows .* row 1 \(not a number: a is 'x'\)"),
        ("a,b\n1,2\nx,2\nx,3\n", {"max_rejected": 0.1}, "2 of the 3 rows"),
    ],
)
def test_what_cannot_be_prepared_is_said(request_for, content, change, sentence):
    with pytest.raises(DataError, match=sentence):
        prepare(request_for(content, **change))


@pytest.mark.parametrize(
    "change",
    [{"columns": ("a",)}, {"names": ("a", "b", "c")}, {"sentinels": (1.0,)}, {"extras": ("c",)}],
)
def test_whatever_shapes_the_values_is_in_the_fingerprint(request_for, change):
    request = request_for("a,b,c\n1,2,3\n4,5,6\n")
    assert request.fingerprint() != replace(request, **change).fingerprint()


@pytest.fixture
def store(tmp_path) -> Store:
    values = np.arange(60, dtype=np.float32).reshape(20, 3)
    values[4, 2] = NAN
    with StoreWriter(tmp_path / "a.arrow", StoreMetadata(columns=COLUMNS)) as writer:
        writer.append_values(values, np.arange(1, 21))
    return Store.open(tmp_path / "a.arrow")


def test_batches_are_standardised_and_missing_values_stay_missing(store):
    scale = FeatureScale(COLUMNS, (1.0, 0.0, 2.0), (2.0, 1.0, 1.0))
    batch = collate(store, [np.array([4]), np.array([0])], scale=scale)
    assert batch.inputs.shape == (2, 3, 1)
    assert batch.inputs.dtype == torch.float32
    np.testing.assert_equal(batch.inputs[:, :, 0].numpy(), [[5.5, 13.0, NAN], [-0.5, 1.0, 0.0]])
    assert batch.padding_mask.all()
    same = collate_values(store.values(np.array([4, 0])), scale)
    np.testing.assert_equal(batch.inputs.numpy(), same.inputs.numpy())


def test_values_can_be_padded(store):
    batch = collate(store, [np.array([1])], multiple=8, scale=store.scale(np.arange(len(store))))
    assert batch.inputs.shape == (1, 8, 1)
    assert batch.padding_mask.tolist() == [[True] * 3 + [False] * 5]
    assert batch.inputs[0, 3:].abs().sum() == 0


def test_the_order_of_values_depends_on_seed_and_epoch_alone(store):
    def order(seed: int, epoch: int) -> list[int]:
        source = StoreSource(store, 4, 8, 0, seed, scale=store.scale(np.arange(len(store))))
        return [
            row for index in range(source.batches_in(epoch)) for row in source.batch(epoch, index).rows.tolist()
        ]

    assert order(1, 2) == order(1, 2)
    assert sorted(order(1, 2)) == list(range(20))
    assert order(1, 2) != order(1, 3) != order(2, 3)


def test_further_columns_come_along_as_texts(request_for):
    content = "fold,y,a,part\n1,1,1,x\n2,,2,x\n,3,3,NA\n10,4,4,y\n"
    prepared = prepare(request_for(content, targets=("y",), extras=("fold", "part")))
    store = prepared.open()
    assert store.metadata.columns == ("a",)
    assert store.metadata.extras == ("fold", "part")
    assert extra(store, "fold") == ["1", "", "10"]
    assert extra(store, "part") == ["x", "", "y"]


def extra(store: Store, name: str) -> list[str]:
    values, which = store.extra(name)
    return [values[at] for at in which.tolist()]


def test_a_store_of_the_second_version_is_still_read():
    store = Store.open(Path(__file__).parent / "store-version-2.arrow")
    np.testing.assert_array_equal(store.values(np.arange(3)), np.array([[1, 2], [3, NAN], [5, 6]], np.float32))
    assert store.row_numbers.tolist() == [1, 2, 4]
    assert store.classes == ("flat", "tall")
    assert store.targets.tolist() == [[1.0], [0.0], [1.0]]
    assert store.metadata.extras == ()


def test_a_store_of_the_first_version_is_still_read():
    store = Store.open(Path(__file__).parent / "store-version-1.arrow")
    assert len(store) == 3
    assert store.texts == ["CC", "né", "x"]
    np.testing.assert_array_equal(store.targets, np.array([[1, NAN], [2, 3], [0, 1]], np.float32))
    assert store.classes == ()
    assert store.symbol_labels(np.arange(len(store))) is None
