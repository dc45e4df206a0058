"""Tables in memory: columns are taken by name."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

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
