"""kill -9 at every moment of a data preparation: the next one gives the same bytes, and nothing stays behind."""

from __future__ import annotations

import os

from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest
from sma_core.data.readers.lines import read_text
from sma_core.data.tokenizers import ByteTokenizer
from tests.faults.child import killed_at

MOMENTS = 8
NAMES = ("rows-00000.arrow", "rejected.jsonl")


def contents(prepared):
    """The rows and the list of those set aside; the time at which a shard was written may differ."""
    return {path.name: path.read_bytes() for path in prepared.folder.iterdir() if path.name in NAMES}


def test_a_kill_at_any_moment_of_a_preparation_changes_nothing(tmp_path):
    source = tmp_path / "rows.txt"
    source.write_text("".join(f"row {number}\n" for number in range(400)))

    def request(cache):
        return PrepareRequest(
            source=source,
            reader=read_text,
            reader_name="lines",
            tokenizer=ByteTokenizer(),
            cache=tmp_path / cache,
            max_length=16,
        )

    whole = contents(prepare(request("whole")))
    at = 1
    while killed_at(at, lambda cache=str(at): prepare(request(cache))):
        for left in (tmp_path / str(at)).glob(".*"):
            os.utime(left, (1, 1))
        again = prepare(request(str(at)))
        assert contents(again) == whole
        assert [path.name for path in (tmp_path / str(at)).iterdir()] == [again.folder.name]
        at += 1
    assert at > MOMENTS
