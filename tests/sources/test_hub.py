"""Fetching a set from the hub: here a local folder of the same layout, and never the network."""

import csv
import importlib.util
import sys

import pytest

from sma_core.errors import DataError
from sma_core.plugins.specs import DataSet
from sma_core.sources.hub import fetch

needs_datasets = pytest.mark.skipif(
    importlib.util.find_spec("datasets") is None, reason="datasets (the extra hub) is not installed"
)
COLUMNS = (("word", "text"), ("letters", "label"))
PARTS = {
    "train_0": 'text,label,other\napple,5,x\n"a, b",-0.25,x\n',
    "test_0": "text,label,other\nfig,3,x\n",
    "train_1": "text,label,other\nnot ours,0,x\n",
}


@pytest.fixture
def hub(tmp_path):
    """A folder laid out as a set of the hub with splits train_0, test_0 and train_1."""
    folder = tmp_path / "hub" / "data"
    folder.mkdir(parents=True)
    for name, text in PARTS.items():
        (folder / f"{name}-00000-of-00001.csv").write_text(text)
    return folder.parent


def words(hub, **changes):
    facts = {"hub_splits": ("train_0", "test_0"), "hub_columns": COLUMNS} | changes
    return DataSet(name="words", summary="Words", source="here", licence="CC0", hub=str(hub), **facts)


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


@needs_datasets
def test_all_splits_follow_each_other_under_our_column_names(hub, tmp_path):
    path = fetch(words(hub), tmp_path / "cache")
    assert path == tmp_path / "cache" / "words.hub.csv"
    assert table(path) == [
        ["word", "letters", "split"],
        ["apple", "5.0", "train_0"],
        ["a, b", "-0.25", "train_0"],
        ["fig", "3", "test_0"],
    ]
    assert list(path.parent.iterdir()) == [path]


@needs_datasets
def test_one_split_and_columns_under_the_same_name(hub, tmp_path):
    spec = words(hub, hub_splits=("train_1",), hub_columns=(("text", "text"),))
    assert table(fetch(spec, tmp_path)) == [["text"], ["not ours"]]


@needs_datasets
def test_without_a_list_all_columns_keep_their_names(hub, tmp_path):
    spec = words(hub, hub_splits=("test_0",), hub_columns=())
    assert table(fetch(spec, tmp_path)) == [["text", "label", "other"], ["fig", "3", "x"]]


@needs_datasets
def test_parquet_is_read_too(tmp_path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    (tmp_path / "hub/data").mkdir(parents=True)
    columns = {"text": ["apple", "ä"], "label": [0.1, None]}
    pq.write_table(pa.table(columns), tmp_path / "hub/data/train_0-00000-of-00001.parquet")
    spec = words(tmp_path / "hub", hub_splits=("train_0",))
    assert table(fetch(spec, tmp_path)) == [["word", "letters"], ["apple", "0.1"], ["ä", ""]]


@needs_datasets
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"hub_columns": (("word", "text"), ("letters", "lable"))},
            "has no column 'lable'; it has text, label, other",
        ),
        ({"hub_splits": ("train_0", "valid_0")}, "from the hub failed: .*valid_0"),
    ],
)
def test_a_wrong_column_or_split_is_said_and_leaves_nothing(hub, tmp_path, changes, said):
    with pytest.raises(DataError, match=said):
        fetch(words(hub, **changes), tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


@needs_datasets
def test_a_hub_out_of_reach_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match=r"^fetching nobody/nothing-at-all from the hub failed: \w+: ") as error:
        fetch(words("nobody/nothing-at-all"), tmp_path / "cache")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "cache").exists()


class Stub:
    """Stands in for the library: a split that gives some rows and then an error."""

    def __init__(self, rows, error=None):
        self.rows, self.error, self.calls = rows, error, 0

    def load_dataset(self, name, split, streaming):
        assert streaming
        self.calls += 1

        def stream():
            yield from self.rows
            if self.error is not None:
                raise self.error

        return stream()


def stub(monkeypatch, rows, error=None):
    library = Stub(rows, error)
    monkeypatch.setitem(sys.modules, "datasets", library)
    return library


ROWS = [{"text": "apple", "label": 5}] * 3


@pytest.mark.parametrize("error", [ConnectionError("cut off"), KeyboardInterrupt()])
def test_an_error_half_way_leaves_nothing(tmp_path, monkeypatch, error):
    stub(monkeypatch, ROWS, error)
    with pytest.raises((DataError, KeyboardInterrupt)):
        fetch(words("a/b"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_set_is_said_and_leaves_nothing(tmp_path, monkeypatch):
    stub(monkeypatch, [])
    with pytest.raises(DataError, match="holds no rows in train_0, test_0"):
        fetch(words("a/b"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_fetched_is_not_fetched_again(tmp_path, monkeypatch):
    library = stub(monkeypatch, ROWS)
    first = fetch(words("a/b"), tmp_path)
    assert (fetch(words("a/b"), tmp_path), library.calls) == (first, 2)
    assert table(first)[0] == ["word", "letters", "split"]
    assert table(first)[1:] == [*(3 * [["apple", "5", "train_0"]]), *(3 * [["apple", "5", "test_0"]])]


@pytest.mark.parametrize("columns", [(), (("word", "text"), ("split", "part"))])
def test_a_column_of_that_name_that_the_set_has_itself_stays(tmp_path, monkeypatch, columns):
    stub(monkeypatch, [{"text": "apple", "part" if columns else "split": "mine"}])
    path = fetch(words("a/b", hub_columns=columns), tmp_path)
    assert table(path) == [["word" if columns else "text", "split"], *(2 * [["apple", "mine"]])]


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"^to fetch it from the hub: pip install 'sma-core\[hub\]'$"):
        fetch(words("a/b"), tmp_path)
