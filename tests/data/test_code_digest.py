"""Rows prepared by other code, or by nobody's wish any more, are prepared again."""

import importlib
import sys
from dataclasses import replace

import pytest

from sma_core.data.preparation import code_digest as module_under_test
from sma_core.data.preparation.code_digest import code_digest
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import DataError

READER = """
from sma_core.data.records import Row
from reads_for_tests.lines import lines_of

def read(path, column, fields, *, usual=()):
    for number, line in enumerate(lines_of(path), start=1):
        yield Row(number, line)
"""
HELPER = """
def lines_of(path):
    return [line for line in path.read_text().split() if not line.startswith({prefix!r})]
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Write a package with a reader, and return a function that edits its helper and reads with the new code."""
    folder = tmp_path / "plugin" / "reads_for_tests"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "reading.py").write_text(READER)
    source = tmp_path / "rows.txt"
    source.write_text("alpha\nbeta\ngamma\n")
    monkeypatch.syspath_prepend(str(folder.parent))
    # Python recognises a compiled file by the second and the size of its source, which an edit here may keep.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] == "reads_for_tests"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        module_under_test._package_digest.cache_clear()

    def edited(prefix: str) -> PrepareRequest:
        (folder / "lines.py").write_text(HELPER.format(prefix=prefix))
        forget()
        reader = importlib.import_module("reads_for_tests.reading").read
        return PrepareRequest(
            source=source,
            reader=reader,
            reader_name="own",
            tokenizer=ByteTokenizer(),
            cache=tmp_path / "cache",
            max_length=64,
        )

    yield edited
    forget()


def test_rows_are_prepared_again_after_an_edit_of_a_module_that_the_reader_imports(package):
    assert prepare(package("b")).summary.kept == 2
    assert prepare(package("b")).reused
    again = prepare(package("x"))
    assert not again.reused
    assert again.summary.kept == 3


def test_files_that_are_no_code_count_by_their_size(package, tmp_path):
    before = package("b").fingerprint()
    (tmp_path / "plugin" / "reads_for_tests" / "vocabulary.json").write_text("{}")
    assert package("b").fingerprint() != before


def test_the_check_and_the_tokenizer_count_too(package):
    request = package("b")
    assert request.fingerprint() != replace(request, check="sma_kit.sampled:none").fingerprint()
    assert code_digest(["sma_core.data.readers.csv"]) == code_digest(["sma_core.data.tokenizers"])
    assert code_digest(["no_such_module_for_tests"]) != code_digest(["sma_core.data.tokenizers"])


def test_a_result_without_a_usable_row_is_not_kept(package):
    none = replace(package("b"), check=lambda texts: ["no"] * len(texts))
    for _ in range(2):
        with pytest.raises(DataError, match="none of the 2 rows"):
            prepare(none)
    assert none.cached() is None
    assert not prepare(none, judge=False).reused


def test_fresh_prepares_again_and_leaves_one_result(package, tmp_path):
    request = package("b")
    prepare(request)
    (request.folder().with_name(f"{request.fingerprint()}.partial")).mkdir()
    again = prepare(replace(request, fresh=True))
    assert not again.reused
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [request.fingerprint()]
    assert prepare(request).reused
