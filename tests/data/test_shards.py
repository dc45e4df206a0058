"""Stores in shards: what a killed preparation leaves, and many files that are one sequence of rows."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sma_core.data import streams
from sma_core.data.batching.batches import collate
from sma_core.data.batching.epochs import StoreSource
from sma_core.data.preparation import prepared_set
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import PrepareRequest, ValuesRequest
from sma_core.data.preparation.prepared_set import prepare_set
from sma_core.data.readers import table
from sma_core.data.readers.csv import read_csv
from sma_core.data.readers.lines import read_text
from sma_core.data.readers.table import read_table
from sma_core.data.store.store import Store
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import DataError

sys.path.insert(0, str(Path(__file__).parent))  # workers look checks up by name
ROWS = [f"{'a' * (at % 9)}{at}" for at in range(9000)]


@pytest.fixture
def request_for(tmp_path):
    def make(rows: list[str], name: str = "rows.txt", **settings) -> PrepareRequest:
        source = tmp_path / name
        source.write_text("\n".join(rows) + "\n")
        return PrepareRequest(
            source=source,
            reader=read_csv if source.suffix == ".csv" else read_text,
            reader_name=source.suffix,
            tokenizer=ByteTokenizer(),
            cache=tmp_path / "cache",
            **{"max_length": 64, "processes": 1} | settings,
        )

    return make


def texts(store: Store) -> list[str]:
    return [ByteTokenizer().decode(store.ids(at)) for at in range(len(store))]


def stop_after(rows: int):
    def progress(read: int, kept: int, rejected: int) -> None:
        if read >= rows:
            raise KeyboardInterrupt

    return progress


def test_shards_are_one_sequence_of_rows(request_for):
    whole = prepare(request_for(ROWS)).open()
    cut = prepare(request_for(ROWS, name="other.txt", shard_rows=2000))
    store = cut.open()
    assert [shard.rows for shard in cut.summary.shards] == [2000, 2000, 2000, 2000, 1000]
    assert texts(store) == ROWS
    assert store.row_numbers.tolist() == whole.row_numbers.tolist()
    for epoch in (0, 1):
        one, other = (StoreSource(each, 50, 64, 0, seed=1) for each in (whole, store))
        assert one.batches_in(epoch) == other.batches_in(epoch)
        for index in range(0, one.batches_in(epoch), 17):
            assert one.batch(epoch, index).inputs.equal(other.batch(epoch, index).inputs)
    travelled = pickle.loads(pickle.dumps(store))
    assert travelled.gather(np.array([8999, 0, 4000])).tolist() == store.gather(np.array([8999, 0, 4000])).tolist()


def test_a_killed_preparation_goes_on_with_the_shards_that_are_whole(request_for, monkeypatch):
    request = request_for([*ROWS[:3000], "", *ROWS[3000:]], shard_rows=3000)
    with pytest.raises(KeyboardInterrupt):
        prepare(request, stop_after(5000))
    partial = request.folder().with_name(f"{request.fingerprint()}.partial")
    assert sorted(path.name for path in partial.glob("*.arrow")) == ["rows-00000.arrow"]
    (partial / ".rows-00001.arrow.1-dead.tmp").write_bytes(b"half")
    seen: list[int] = []
    prepared = prepare(request, lambda read, kept, rejected: seen.append(read))
    assert seen[0] == 6000
    assert texts(prepared.open()) == ROWS
    assert (prepared.summary.rows, prepared.summary.kept, prepared.summary.rejected) == (9001, 9000, 1)
    assert json.loads(prepared.rejected_rows.read_text())["row"] == 3001
    names = {path.name for path in prepared.folder.iterdir()}
    assert names == {"summary.json", "rejected.jsonl", *(f"rows-{number:05d}.arrow" for number in range(3))}
    assert not partial.exists()


@pytest.mark.parametrize("damage", ["rows-00001.arrow", "rejected-00001.jsonl", "rows-00001.json"])
def test_a_shard_that_is_not_whole_is_made_again(request_for, damage):
    request = request_for(ROWS, shard_rows=2000)
    with pytest.raises(KeyboardInterrupt):
        prepare(request, stop_after(7000))
    path = request.folder().with_name(f"{request.fingerprint()}.partial") / damage
    content = bytearray(path.read_bytes() or b"\n")
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    seen: list[int] = []
    assert texts(prepare(request, lambda read, kept, rejected: seen.append(read)).open()) == ROWS
    assert seen[0] == 4000


def test_a_bit_that_was_flipped_later_is_found(request_for):
    request = request_for(ROWS)
    path = prepare(request).files[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    again = prepare(request)
    assert not again.reused
    assert texts(again.open()) == ROWS


def test_classes_go_on_through_shards_and_files(request_for):
    first = ["word,y", *(f"a,{name}" for name in ["z"] * 2500 + ["b"] * 2500)]
    second = ["word,y", "a,c", "a,b"]
    labelled = {"column": "word", "targets": ("y",), "label_form": "classes", "keep_text": True}
    request = request_for(first, name="a.csv", shard_rows=2000, **labelled)
    with pytest.raises(KeyboardInterrupt):
        prepare(request, stop_after(3000))
    store = prepare_set([request, request_for(second, name="b.csv", **labelled)], "both").open()
    assert store.classes == ("b", "c", "z")
    assert [store.classes[int(at)] for at in store.targets[:, 0]] == ["z"] * 2500 + ["b"] * 2500 + ["c", "b"]
    batch = collate(store, [np.array([0]), np.array([5000]), np.array([5001])])
    assert batch.labels.tolist() == [[2.0], [1.0], [0.0]]


def test_symbols_come_from_the_right_shard(request_for):
    labelled = {"column": "word", "targets": ("y",), "label_form": "symbols"}
    first = request_for(["word,y", "abc,HHE"], name="a.csv", **labelled)
    second = request_for(["word,y", "de,CH"], name="b.csv", **labelled)
    store = prepare_set([first, second], "both").open()
    assert store.classes == ("C", "E", "H")
    found = store.symbol_labels(np.array([1, 0]))
    np.testing.assert_array_equal(found, np.array([0, 2, np.nan, 2, 2, 1, np.nan], np.float32))


def test_numbers_of_a_killed_preparation_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "BLOCK_BYTES", 1 << 14)
    monkeypatch.setattr(streams, "BLOCK_BYTES", 1 << 12)
    values = np.arange(20_000, dtype=np.float32).reshape(-1, 2)
    source = tmp_path / "rows.csv"
    source.write_text("a,b\n" + "".join(f"{a:.0f},{b:.0f}\n" for a, b in values))
    request = ValuesRequest(
        source=source,
        reader=read_table,
        reader_name="table",
        cache=tmp_path / "cache",
        max_length=8,
        shard_rows=2000,
    )
    with pytest.raises(KeyboardInterrupt):
        prepare(request, stop_after(7000))
    store = prepare(request).open()
    assert len(store.files) > 2
    np.testing.assert_array_equal(store.values(np.arange(10_000)), values)
    assert store.row_numbers.tolist() == list(range(1, 10_001))


def test_files_are_one_set_whose_rows_count_on(request_for):
    parts = [ROWS[:10], ["", *ROWS[10:15]], ROWS[15:20]]
    requests = [
        request_for(rows, name=f"{name}.txt", max_rejected=0.1) for name, rows in zip("abc", parts, strict=True)
    ]
    found = prepare_set(requests, "all")
    store = found.open()
    assert texts(store) == ROWS[:20]
    assert store.row_numbers.tolist() == [*range(1, 11), *range(12, 22)]
    assert (found.summary.rows, found.summary.kept) == (21, 20)
    (line,) = [json.loads(line) for path in found.rejected_rows for line in path.read_text().splitlines()]
    assert (Path(line["file"]).name, line["row"]) == ("b.txt", 1)


def test_the_share_of_unusable_rows_is_judged_over_all_files(request_for):
    good = request_for(ROWS[:95], name="a.txt", max_rejected=0.05)
    bad = request_for(["\0"] * 5, name="b.txt", max_rejected=0.05)
    assert len(prepare_set([good, bad], "all").open()) == 95
    with pytest.raises(DataError, match=r"5 of the 100 rows of all .* row 1 of .*b\.txt; rejected") as caught:
        prepare_set([replace(good, max_rejected=0.04), replace(bad, max_rejected=0.04)], "all")
    listed = Path(str(caught.value).partition("listed in ")[2].partition(";")[0])
    assert len(listed.read_text().splitlines()) == 5


def test_a_changed_file_costs_its_own_preparation_only(request_for):
    requests = [request_for(ROWS[:10], name="a.txt"), request_for(ROWS[10:], name="b.txt")]
    prepare_set(requests, "all")
    changed = [requests[0], request_for(ROWS[10:20], name="b.txt")]
    found = prepare_set(changed, "all")
    assert [part.reused for part in found.parts] == [True, False]
    assert len(found.open()) == 20
    assert len(prepare_set(changed[:1], "all").open()) == 10


def test_processes_prepare_files_side_by_side(request_for, monkeypatch):
    monkeypatch.setattr(prepared_set, "BYTES_BEFORE_PROCESSES", 1)
    parts = [ROWS[:3000], ROWS[3000:3001], ROWS[3001:]]
    requests = [
        request_for(rows, name=f"{name}.txt", processes=2) for name, rows in zip("abc", parts, strict=True)
    ]
    seen: list[tuple[int, int, int]] = []
    assert texts(prepare_set(requests, "all", lambda *counts: seen.append(counts)).open()) == ROWS
    assert seen[-1] == (9000, 9000, 0)


def test_a_process_that_dies_is_explained_and_costs_no_whole_file(request_for, monkeypatch):
    monkeypatch.setattr(prepared_set, "BYTES_BEFORE_PROCESSES", 1)
    good = request_for(ROWS, name="a.txt", processes=2)
    prepare(good)
    others = [request_for(ROWS[:3], name=f"{name}.txt", check="checks_for_tests:die") for name in "bc"]
    with pytest.raises(DataError, match=r"process that prepares a file died.*repeat the command"):
        prepare_set([good, *others], "all")
    assert prepare(good).reused


def test_a_preparation_killed_by_the_system_goes_on(request_for, tmp_path):
    request = request_for(ROWS, shard_rows=3000)
    (tmp_path / "request.pickle").write_bytes(pickle.dumps(request))
    program = (
        "import os, pickle, signal, sys; from sma_core.data.preparation.prepare import prepare\n"
        "request = pickle.load(open(sys.argv[1], 'rb'))\n"
        "prepare(request, lambda read, *_: os.kill(os.getpid(), signal.SIGKILL) if read > 5000 else None)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(tmp_path / "request.pickle")], check=False)
    assert killed.returncode == -9
    seen: list[int] = []
    assert texts(prepare(request, lambda read, *_: seen.append(read)).open()) == ROWS
    assert seen[0] == 6000


def test_files_of_other_columns_are_no_set(request_for, tmp_path):
    requests = []
    for name, header in (("a", "x,y"), ("b", "x,z")):
        (tmp_path / f"{name}.csv").write_text(f"{header}\n1,2\n")
        requests.append(
            ValuesRequest(
                source=tmp_path / f"{name}.csv",
                reader=read_table,
                reader_name="table",
                cache=tmp_path / "cache",
                max_length=8,
            )
        )
    with pytest.raises(
        DataError, match=r"cannot be one set, since they differ in their columns: x, y in the first"
    ):
        prepare_set(requests, "both").open()
