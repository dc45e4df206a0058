"""Where the file of a named set is looked for, and what is said when it is nowhere."""

import sys
from types import SimpleNamespace

import pytest

from sma_core.config import DataConfig
from sma_core.errors import DataError
from sma_core.plugins.specs import DataSet
from sma_core.sources.data_sets import cache_folder, find_source, locate


class Toy:
    """As much of a registry as finding a set's file needs."""

    name = "toy"

    def __init__(self, spec):
        self.spec = spec
        self.domain = SimpleNamespace(dataset=spec.name)

    def provider(self, spec):
        return "sma-toy 1.0"

    def specs(self, kind):
        return [self.spec]

    def find(self, kind, name):
        return self.spec

    def reader_for(self, path, name):
        return SimpleNamespace(name=name)


def words(**facts):
    return DataSet(name="words", summary="Words", source="the word archive", licence="CC0", **facts)


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """SMA_DATA and SMA_CACHE in folders of the test."""
    monkeypatch.setenv("SMA_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    return tmp_path


def put(path):
    path.parent.mkdir(parents=True)
    path.write_text("apple\n")
    return path


def test_sma_data_comes_before_the_cache(places):
    kept = put(places / "cache/data/toy/words.txt")
    spec = words(file="words.txt")
    assert locate(Toy(spec), spec) == kept
    own = put(places / "data/toy/words.txt")
    assert locate(Toy(spec), spec) == own


def test_a_set_that_ships_is_found_by_its_function(places, monkeypatch):
    own = put(places / "shipped/words.txt")
    monkeypatch.setitem(sys.modules, "toy_bundled", SimpleNamespace(words=lambda: own))
    spec = words(locate="toy_bundled:words")
    assert locate(Toy(spec), spec) == own


def test_a_file_that_is_nowhere_says_what_to_put_where(places, monkeypatch):
    spec = words(file="words.txt")
    with pytest.raises(DataError) as error:
        locate(Toy(spec), spec)
    assert str(error.value) == (
        "the data set toy:words is not on this machine: put the file words.txt (from the word archive) at "
        f"{places}/cache/data/toy/words.txt, or set SMA_DATA to a folder that holds toy/words.txt"
    )


def test_a_set_on_the_hub_says_how_to_fetch_it_or_where_to_put_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    spec = words(file="words.txt", hub="a/b")
    with pytest.raises(DataError, match=r"put the file words\.txt .*; to fetch it from the hub: pip install"):
        locate(Toy(spec), spec)


def test_a_file_on_this_machine_spares_the_hub(places, monkeypatch):
    own = put(places / "data/toy/words.txt")
    spec = words(file="words.txt", hub="a/b")
    assert locate(Toy(spec), spec) == own


def test_what_was_fetched_from_the_hub_is_found(places):
    kept = put(places / "cache/data/toy/words.hub.csv")
    spec = words(file="words.txt", hub="a/b")
    assert locate(Toy(spec), spec) == kept


def test_a_set_may_be_named_with_its_domain(places):
    own = put(places / "data/toy/words.txt")
    registry = Toy(words(file="words.txt", column="word", reader="lines"))
    for name in (None, "words", "toy:words"):
        source = find_source(registry, DataConfig(source=name))
        assert (source.label, source.path, source.column) == ("toy:words", own, "word")
        assert source.reader.name == "lines"


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"SMA_CACHE": "/a/b"}, "/a/b"),
        ({"XDG_CACHE_HOME": "/x"}, "/x/sma"),
        ({"SMA_CACHE": "", "XDG_CACHE_HOME": "/x"}, "/x/sma"),
    ],
)
def test_the_cache_folder_follows_the_environment(variables, folder):
    assert str(cache_folder(variables)) == folder
