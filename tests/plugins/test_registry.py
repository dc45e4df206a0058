"""Looking up what the plugins of a domain offer."""

from pathlib import Path

import pytest

from sma_core.errors import PluginError
from sma_core.plugins.api_version import API_VERSION
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet, Domain, Head, Reader, Task, Tokenizer

DUPLICATE = """
from sma_core.plugins import Task, hookimpl

@hookimpl
def sma_tasks():
    return [Task(name="length", summary="Again", dataset="words", targets=("x",), kind="binary", metric="roc_auc")]
"""


@pytest.fixture
def toy(install):
    install.toy()
    return Registry.load("toy")


def test_a_spec_is_found_by_bare_name_and_with_its_domain(toy):
    assert toy.find(Task, "length") is toy.find(Task, "toy:length")
    assert toy.find(Domain, "toy") is toy.domain


def test_the_cores_own_parts_are_there(toy):
    assert [spec.name for spec in toy.specs(Head)] == ["decoder", "mean", "multi-query", "position"]
    assert toy.provider(toy.find(Tokenizer, "bytes")) == "sma-core"
    assert toy.build(toy.find(Tokenizer, "bytes"))().vocabulary_size == 262


def test_a_miss_says_what_is_near_or_there(toy):
    with pytest.raises(PluginError, match="'toy' has no task 'lenght': did you mean 'length'"):
        toy.find(Task, "lenght")
    with pytest.raises(PluginError, match="no data set 'xyz': there are counts, words"):
        toy.find(DataSet, "xyz")


def test_a_miss_among_nothing_says_who_could_add_it(install):
    install.toy(('task="length", ', ""), ("return [Task(", "return [] and [Task("))
    with pytest.raises(PluginError, match=r"no task 'length': an extension named toy\.something"):
        Registry.load("toy").find(Task, "length")


def test_another_domains_name_says_which_domain_to_use(toy):
    with pytest.raises(PluginError, match=r"'word:length' belongs to the domain 'word'.*use `domain=word`"):
        toy.find(Task, "word:length")


def test_two_providers_of_one_task_are_both_named(install):
    install.toy()
    install.extension(DUPLICATE)
    with pytest.raises(
        PluginError, match=r"the task 'length' is provided by both sma-toy 1\.0 and sma-toy-extra 1\.0"
    ):
        Registry.load("toy")


def test_a_plugin_without_a_domain_of_its_name(install):
    install.toy(('Domain(name="toy"', 'Domain(name="toys"'))
    with pytest.raises(PluginError, match=r"\(sma-toy 1\.0\) provides no domain of its name: .*name='toy'"):
        Registry.load("toy")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("'2.0'", r"made for plugin API 2\.0, this sma-core has .*pip install --upgrade sma-core$"),
        ("'0.9'", r"made for plugin API 0\.9, .*pip install --upgrade sma-toy$"),
        ("'newest'", "API version 'newest'; it must look like"),
        ("''", "API version ''; it must look like"),
        ("1.0", r"API version 1\.0; it must look like"),
    ],
)
def test_an_api_version_that_does_not_fit(install, version, said):
    install.toy(('Domain(name="toy"', f'Domain(api_version={version}, name="toy"'))
    with pytest.raises(PluginError, match=said):
        Registry.load("toy")


def test_a_newer_api_is_said_before_its_other_hooks_fail(install):
    install.toy(('Domain(name="toy"', 'Domain(api_version="2.0", name="toy"'), ("[Task(", "[Task(new_field=1, "))
    with pytest.raises(PluginError, match="made for plugin API"):
        Registry.load("toy")


def test_a_newer_minor_version_is_taken(install):
    major = API_VERSION.partition(".")[0]
    install.toy(('Domain(name="toy"', f'Domain(api_version="{major}.99", name="toy"'))
    assert Registry.load("toy").domain.api_version == f"{major}.99"


@pytest.mark.parametrize(
    ("file", "reader"),
    [("a.txt", "lines"), ("a.CSV", "csv"), ("a.tsv.gz", "csv"), ("a.b.txt.ZST", "lines"), ("A.TXT", "lines")],
)
def test_the_reader_is_chosen_by_the_files_ending(toy, file, reader):
    assert toy.reader_for(Path(file)).name == reader


@pytest.mark.parametrize("file", ["a.xyz", "a.xyz.gz", "a", "a.gz", "txt"])
def test_an_unknown_ending_says_which_are_served(toy, file):
    with pytest.raises(PluginError, match=rf"^{file}: no reader .* \.csv, \.tsv, \.txt .*`data\.reader=NAME`$"):
        toy.reader_for(Path(file))


def test_a_reader_can_be_named_whatever_the_ending(toy):
    assert toy.reader_for(Path("a.xyz"), "csv").name == "csv"
    with pytest.raises(PluginError, match="no reader 'cvs': did you mean 'csv'"):
        toy.reader_for(Path("a.csv"), "cvs")


def test_a_spec_without_factory_cannot_be_built(toy):
    with pytest.raises(PluginError, match="the task 'length' has no factory"):
        toy.build(toy.find(Task, "length"))


@pytest.mark.parametrize("reference", ["", "os", "os:", ":path", "os.path"])
def test_a_malformed_reference_shows_the_form(reference):
    with pytest.raises(PluginError, match=r"the reader 'x' names .* must look like 'package\.module:attribute'"):
        resolve(reference, "the reader 'x'")


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("no_such_module:x", "cannot be imported: No module named"),
        ("toy_broken:x", "cannot be imported: ZeroDivisionError: division by zero"),
        ("toy_leaving:x", "cannot be imported: SystemExit: 3"),
        (".relative:x", "cannot be imported: "),
        ("os:no_such_name", "does not exist: "),
        ("os:path.no_such_name", "does not exist: "),
    ],
)
def test_a_reference_to_nothing_says_who_needs_it(install, reference, said):
    install("other", {}, {"toy_broken.py": "1 / 0", "toy_leaving.py": "import sys; sys.exit(3)"})
    with pytest.raises(PluginError, match=f"^the reader 'x' needs {reference!r}, which {said}"):
        resolve(reference, "the reader 'x'")


def test_a_reference_may_go_into_classes_and_prints_nothing(install, capsys):
    install("other", {}, {"toy_inner.py": "print('hello')\nclass A:\n    class B:\n        value = 7\n"})
    assert resolve("toy_inner:A.B.value", "a test") == 7
    assert capsys.readouterr().out == ""


def test_suffixes_must_be_a_tuple():
    with pytest.raises(ValueError, match="suffixes must be a tuple"):
        Reader(name="x", summary="x", factory="a:b", suffixes=".txt")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"split_column": "part", "test_last": 5}, "split_column and test_last: give one of them"),
        ({"split_values": (("a", "test"),)}, "name their column with split_column"),
        ({"split_column": "part", "split_values": (("a", "tests"),)}, r"train, valid, test, not \('a', 'tests'\)"),
        ({"split_column": "part", "split_values": ("test",)}, "holds pairs"),
        ({"split_column": "part", "split_values": {"a": "test"}}, "split_values must be a tuple"),
        ({"test_last": 0}, "test_last is a number of rows from 1, not 0"),
        ({"train_rows": 0.5}, r"train_rows is a number of rows from 1, not 0\.5"),
    ],
)
def test_fields_of_a_split_must_fit_together(fields, said):
    with pytest.raises(ValueError, match=said):
        Task(name="x", summary="x", dataset="d", targets=("y",), kind="binary", metric="roc_auc", **fields)
