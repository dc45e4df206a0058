"""JSON of caches with any content: the entry is made again, or there is none; never another error."""

from __future__ import annotations

import json
import logging

import pytest

from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.readers.lines import read_text
from sma_core.data.remote.files import RemoteFile
from sma_core.data.remote.listing import RemoteLookup, _save_listing
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.labels.label_guess import LabelGuess
from sma_core.sealed import seal, unseal

TEXTS = ["", "{", "[]", "0", "null", "\xff", "[" * 100_000, "1" * 5000, '{"version": 1, "files": [{"url": 3}]}']


@pytest.fixture
def request_of_rows(tmp_path):
    source = tmp_path / "words.txt"
    source.write_text("kato\nmire\n")
    return PrepareRequest(
        source=source,
        reader_name="lines",
        cache=tmp_path / "cache",
        max_length=64,
        processes=1,
        reader=read_text,
        tokenizer=ByteTokenizer(),
    )


def sealed_with(text, **changes):
    return json.dumps(seal({**unseal(json.loads(text), "sum"), **changes}, "sum"))


CHANGES = [{"shards": [{"name": 3}]}, {"shards": 3}, {"first": {"a": 1}}, {"rows": "many"}, {"reasons": []}]


@pytest.mark.parametrize("case", [*TEXTS, *CHANGES], ids=range(len(TEXTS) + len(CHANGES)))
def test_damaged_counts_of_prepared_rows_are_prepared_again(request_of_rows, caplog, case):
    summary = prepare(request_of_rows).folder / "summary.json"
    kept = summary.read_text()
    summary.write_text(case if isinstance(case, str) else sealed_with(kept, **case), encoding="latin-1")
    with caplog.at_level(logging.WARNING):
        again = prepare(request_of_rows)
    assert "are damaged and will be prepared again" in caplog.text
    assert not again.reused
    assert again.summary.kept == 2
    assert prepare(request_of_rows).reused


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_damaged_listing_is_none(tmp_path, text):
    lookup, note = RemoteLookup(tmp_path, True, lambda name: True, ""), tmp_path / "listing.json"
    files = [
        RemoteFile("x://a/b.csv", 3, ("time", "1"), tmp_path),
        RemoteFile("x://a/c.csv", None, None, tmp_path),
    ]
    _save_listing(note, files)
    again = lookup._last_listing(note, "no network")
    assert [(file.url, file.size, file.version) for file in again] == [
        (file.url, file.size, file.version) for file in files
    ]
    note.write_text(text, encoding="latin-1")
    assert lookup._last_listing(note, "no network") == []


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_a_damaged_guess_of_labels_is_made_again(tmp_path, text):
    file = RemoteFile("x://a/b.csv", 3, ("time", "1"), tmp_path)
    file.folder.mkdir(parents=True)
    guess = LabelGuess("numbers", "the names 'a' and 'b'", ("a", "b"))
    assert file.cached("guess", lambda: guess, LabelGuess) == guess
    assert file.cached("guess", lambda: None, LabelGuess) == guess
    (note,) = file.folder.iterdir()
    note.write_text(text, encoding="latin-1")
    assert file.cached("guess", lambda: guess, LabelGuess) == guess
    assert json.loads(note.read_text())["form"] == "numbers"
