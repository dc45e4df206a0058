"""Tables in memory: columns are taken by name."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

import sma_core
from sma_core.errors import DataError

LENGTH = 40


@pytest.fixture(scope="module")
def table_rows():
    draw = np.random.default_rng(0)
    return draw.normal(size=(LENGTH, 5))


@pytest.fixture
def model(numbers, tmp_path):
    return sma_core.load(sma_core.finetune(numbers, settings={"training.epochs": 1.0}, out=tmp_path / "run").run)


def forms(names, rows):
    """Yield the same rows as each kind of table."""
    pandas = pytest.importorskip("pandas")
    columns = {name: rows[:, index] for index, name in enumerate(names)}
    yield pandas.DataFrame(columns)
    yield pa.table(columns)
    yield columns
    yield np.array([tuple(row) for row in rows.tolist()], dtype=[(name, "f8") for name in names])


def test_the_order_of_columns_does_not_change_the_predictions(model, table_rows):
    expected = model.predict(table_rows)
    order = [3, 1, 4, 0, 2]
    names = [model.features[index] for index in order]
    for form in forms(["extra", *names], np.column_stack([np.full(LENGTH, 7.0), table_rows[:, order]])):
        np.testing.assert_array_equal(model.predict(form), expected)
        np.testing.assert_array_equal(model.embed(form), model.embed(table_rows))


def test_a_missing_column_and_one_twice_are_errors(model, table_rows):
    pandas = pytest.importorskip("pandas")
    renamed = [*model.features[:-1], f"{model.features[-1]}s"]
    for form in forms(renamed, table_rows):
        with pytest.raises(DataError, match=f"the table has no column {model.features[-1]!r}.* did you mean"):
            model.predict(form)
    twice = pandas.DataFrame(
        np.column_stack([table_rows, table_rows[:, 0]]), columns=[*model.features, model.features[0]]
    )
    with pytest.raises(DataError, match="the table has 2 columns named"):
        model.predict(twice)


@pytest.fixture
def channels(numbers, tmp_path):
    """Return a model of sequences with the channels a, b and c, and rows (n_i, 3)."""
    draw = np.random.default_rng(0)
    rows = [draw.normal(size=(length, 3)).astype(np.float32) for length in draw.integers(3, 9, LENGTH)]
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({name: of_channel(rows, index) for index, name in enumerate("abc")}), path)
    settings = {"training.steps": 2, "model.max_length": 8}
    run = sma_core.train(numbers, data=path, settings=settings, out=tmp_path / "run").run
    return sma_core.load(run), rows


def of_channel(rows, index):
    return [row[:, index].tolist() for row in rows]


def as_array(cell):
    return np.array(cell) if isinstance(cell, list) else cell


def lists(names, columns):
    """Yield the same columns of lists as each kind of table."""
    pandas = pytest.importorskip("pandas")
    table = dict(zip(names, columns, strict=True))
    yield pa.table(table)
    yield pa.concat_tables([pa.table(table).slice(0, 7), pa.table(table).slice(7)])
    yield pandas.DataFrame(table)
    yield pandas.DataFrame({name: [as_array(cell) for cell in column] for name, column in table.items()})
    yield table


def test_columns_of_lists_are_channels_by_name(channels):
    model, rows = channels
    expected = model.embed(rows)
    columns = [of_channel(rows, index) for index in (2, 0, 1)]
    for form in lists(["c", "extra", "a", "b"], [columns[0], ["text"] * LENGTH, *columns[1:]]):
        np.testing.assert_array_equal(model.embed(form), expected)
    pandas = pytest.importorskip("pandas")
    counted = pandas.DataFrame({index: of_channel(rows, index) for index in range(3)})
    np.testing.assert_array_equal(model.embed(counted), expected)


def test_a_column_of_vectors_has_all_channels(channels):
    model, rows = channels
    pandas = pytest.importorskip("pandas")
    for form in lists(["id", "x"], [range(LENGTH), [row.tolist() for row in rows]]):
        np.testing.assert_array_equal(model.embed(form), model.embed(rows))
    np.testing.assert_array_equal(model.embed(pandas.DataFrame({"x": rows})), model.embed(rows))
    with pytest.raises(DataError, match="the table has 2 columns, but 3 names are given for them"):
        model.embed({"x": [row[:, :2].tolist() for row in rows]})


def test_rows_of_lists_that_cannot_be_read_have_reasons(channels):
    model, _ = channels
    table = {"a": [[1, 2], [], [1.5], [1], None], "b": [[1], [], [2], [math.inf], None]}
    table["c"] = [[1, 2], [], [3], [1], None]
    for form in lists(table, table.values()):
        (chunk,) = model.reading.chunks_of(form)
        assert chunk.reasons == [
            "channels of different lengths: a has 2 positions, b has 1",
            "empty",
            None,
            "not a finite float32 number: b of position 1 is inf",
            "empty",
        ]
    (chunk,) = model.reading.chunks_of({name: column[:1] for name, column in table.items()})
    assert (len(chunk), len(chunk.usable)) == (1, 0)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"a": [[1]], "b": [[1]], "d": [[1]]}, "the table has no column 'c'"),
        ({"a": [1.0], "b": [2.0], "c": [3.0]}, "this model reads sequences: give columns of lists"),
        ({"a": [[1]], "b": [[1]], "c": [["one"]]}, "the column 'c' holds list<item: string>, not numbers"),
        ({"a": [[1]], "b": [[1]], "c": [[1, "one"]]}, "the column 'c' does not hold lists of numbers"),
    ],
)
def test_other_tables_are_refused_by_a_model_of_sequences(channels, table, sentence):
    with pytest.raises(DataError) as raised:
        channels[0].embed(table)
    assert sentence in str(raised.value)


def test_columns_that_are_only_counted_are_taken_in_order(model, table_rows):
    pandas = pytest.importorskip("pandas")
    np.testing.assert_array_equal(model.predict(pandas.DataFrame(table_rows)), model.predict(table_rows))


def test_a_table_of_texts_gives_its_column_of_texts(toy, tmp_path):
    pandas = pytest.importorskip("pandas")
    settings = {"training.steps": 2}
    model = sma_core.load(sma_core.train(toy, settings=settings, out=tmp_path / "run").run)
    texts = ["one two", "three", "four five"]
    frame = pandas.DataFrame({"id": ["a", "b", "c"], "text": texts})
    np.testing.assert_array_equal(model.embed(frame), model.embed(texts))
    with pytest.raises(DataError, match="has no column with a usual name"):
        model.embed(frame.rename(columns={"text": "words"}))
