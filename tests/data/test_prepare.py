"""Preparation: what is kept, what is set aside, what is reused, and what a crash leaves."""

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sma_core.data.batching.held_out import split_held_out
from sma_core.data.preparation import checking, limited_workers
from sma_core.data.preparation import prepare as prepare_module
from sma_core.data.preparation.prepare import prepare
from sma_core.data.preparation.prepared import Prepared, PrepareRequest
from sma_core.data.readers.csv import read_csv
from sma_core.data.readers.lines import read_text
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.errors import DataError, PluginError

sys.path.insert(0, str(Path(__file__).parent))  # workers look checks up by name
from checks_for_tests import refuse_x

TOKENIZER = ByteTokenizer()


@pytest.fixture
def request_for(tmp_path):
    def make(content: str | bytes, **settings) -> PrepareRequest:
        source = tmp_path / settings.pop("name", "rows.txt")
        source.write_bytes(content if isinstance(content, bytes) else content.encode())
        reader = read_csv if source.suffix == ".csv" else read_text
        return PrepareRequest(
            source=source,
            reader=reader,
            reader_name=source.suffix,
            tokenizer=TOKENIZER,
            cache=tmp_path / "cache",
            **{"max_length": 64, "max_rejected": 0.5} | settings,
        )

    return make


def rows(prepared: Prepared) -> dict[int, str]:
    store = prepared.open()
    return {store.row_number(i): TOKENIZER.decode(store.ids(i)) for i in range(len(store))}


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_usable_row_is_in_the_store_in_order(request_for):
    prepared = prepare(request_for("".join(f"row {i}\n" for i in range(1, 5001))))
    found = rows(prepared)
    assert found == {i: f"row {i}" for i in range(1, 5001)}
    assert list(found) == sorted(found)
    summary = prepared.summary
    assert (summary.rows, summary.kept, summary.rejected) == (5000, 5000, 0)
    assert [shard.rows for shard in summary.shards] == [5000]
    assert summary.longest == 9
    assert not prepared.reused


def test_the_held_out_rows_depend_on_number_and_seed_alone():
    numbers = np.arange(1, 3001)
    train, apart = split_held_out(numbers, 0.1, "rows.txt")
    assert sorted([*train, *apart]) == list(range(3000))
    assert 240 < len(apart) < 360
    some = split_held_out(numbers[::2], 0.1, "other.txt")[1]
    assert set(numbers[::2][some]) == set(numbers[apart]) & set(numbers[::2])
    assert apart.tolist() != split_held_out(numbers, 0.1, "rows.txt", seed=1)[1].tolist()


@pytest.mark.parametrize("held_out", [0.0001, 0.9999])
def test_few_rows_are_divided_so_that_no_part_is_empty(held_out):
    train, apart = split_held_out(np.array([1, 2]), held_out, "rows.txt")
    assert len(train) == len(apart) == 1


def test_one_row_is_too_little_to_hold_one_out():
    with pytest.raises(DataError, match=r"rows\.txt has only one usable row"):
        split_held_out(np.array([1]), 0.1, "rows.txt")


def test_rejected_rows_are_listed_with_reason_and_text(request_for):
    long = "y" * 300 + "x"
    content = f"one\n\nax\ntwo\n{long}\n".encode() + b"\xff\nfine\nfour\nfive\n"
    prepared = prepare(request_for(content, check=refuse_x))
    source = str(prepared.folder.parent.parent / "rows.txt")
    found = lines(prepared.rejected_rows)
    assert [(line["row"], line["reason"]) for line in found] == [
        (2, "empty"),
        (3, "holds an x: at 1"),
        (5, "holds an x: at 300"),
        (6, "not valid UTF-8"),
    ]
    assert {line["file"] for line in found} == {source}
    assert found[1]["text"] == "ax"
    assert found[2]["text"] == "y" * 199 + "…"
    assert prepared.summary.reasons == {"holds an x": 2, "empty": 1, "not valid UTF-8": 1}
    assert prepared.summary.first["holds an x"] == (3, "holds an x: at 1")


def test_long_rows_are_cut_or_set_aside(request_for):
    content = "short\n" * 5 + "y" * 100 + "\n"
    cut = prepare(request_for(content))
    assert rows(cut)[6] == "y" * 63
    assert cut.summary.shortened == 1
    assert cut.summary.longest == 64
    strict = prepare(request_for(content, truncate=False))
    assert lines(strict.rejected_rows)[0]["reason"] == "too long: 101 > 64"
    assert strict.summary.kept == 5


def test_too_many_unusable_rows_stop_with_a_list(request_for, tmp_path):
    request = request_for("one\ntwo\nax\n\nbx\n", check=refuse_x, max_rejected=0.05)
    with pytest.raises(DataError) as caught:
        prepare(request)
    message = str(caught.value)
    for part in ("3 of the 5 rows", "5.0%", "2 rows", "'holds an x'", "row 3", "data.max_rejected"):
        assert part in message
    listed = tmp_path / "cache" / request.fingerprint() / "rejected.jsonl"
    assert str(listed) in message
    assert len(lines(listed)) == 3
    prepare(replace(request, max_rejected=0.7))
    with pytest.raises(DataError, match="3 of the 5 rows"):  # also when the work is already done
        prepare(request)


def test_a_file_of_unusable_rows_is_refused_whatever_is_allowed(request_for):
    with pytest.raises(DataError, match="none of the 2 rows"):
        prepare(request_for("x\nx\n", check=refuse_x, max_rejected=1.0))


def test_a_hopeless_file_is_not_read_to_its_end(request_for):
    read: list[int] = []
    request = request_for("x\n" * 30_000 + "fine\n", check=refuse_x, processes=1)
    with pytest.raises(DataError, match="none of the first 10,000 rows"):
        prepare(request, lambda rows, kept, rejected: read.append(rows))
    assert read[-1] == 10_000


def test_progress_counts_rows(request_for):
    seen: list[tuple[int, int, int]] = []
    prepare(request_for("one\n" * 4500 + "x\n", check=refuse_x), lambda *counts: seen.append(counts))
    assert seen == [(2000, 2000, 0), (4000, 4000, 0), (4501, 4500, 1)]


def test_processes_give_what_one_process_gives(request_for, monkeypatch):
    monkeypatch.setattr(checking, "CHUNKS_BEFORE_PROCESSES", 1)
    content = "".join(f"{'x' if i % 7 == 0 else ''}row {i}\n" for i in range(20_000))
    serial = prepare(request_for(content, name="a.txt", check="checks_for_tests:refuse_x", processes=1))
    several = prepare(request_for(content, name="b.txt", check="checks_for_tests:refuse_x", processes=2))
    assert rows(serial) == rows(several)
    reasons = [[(line["row"], line["reason"]) for line in lines(p.rejected_rows)] for p in (serial, several)]
    assert reasons[0] == reasons[1]
    assert len(reasons[0]) == 2858


def test_a_worker_that_dies_is_explained(request_for, monkeypatch):
    monkeypatch.setattr(checking, "CHUNKS_BEFORE_PROCESSES", 1)
    monkeypatch.setattr(limited_workers, "MOST_DEATHS", 1)
    with pytest.raises(DataError, match=r"process that checks rows died.*data\.processes"):
        prepare(request_for("one\n" * 10_000, check="checks_for_tests:die", processes=2))


@pytest.mark.parametrize("kind", ["die", "big"])
def test_a_long_row_that_no_process_survives_is_set_aside_alone(request_for, kind):
    long = kind + "x" * checking.LONGEST_CHECKED_HERE
    content = f"one\ntwo\n{long}\nthree\n"
    prepared = prepare(request_for(content, check="checks_for_tests:die_of_long", max_rejected=0.5))
    listed = [(line["row"], line["reason"]) for line in lines(prepared.rejected_rows)]
    assert listed == [(3, limited_workers.TOO_MUCH_MEMORY)]
    assert len(rows(prepared)) == 3


def test_a_check_must_answer_for_every_row(request_for):
    with pytest.raises(PluginError, match="2 here, not a list of 0"):
        prepare(request_for("one\ntwo\n", check="checks_for_tests:answer_too_little"))


def test_labelled_rows_keep_text_and_targets(request_for):
    content = "smiles,y,z\nCC,1,\nNN,true,2.5\nOO,,\nSS,high,1\nFF,inf,1\nClCl,NaN,0\n"
    request = request_for(content, name="a.csv", column="smiles", targets=("y", "z"), keep_text=True)
    prepared = prepare(request)
    store = prepared.open()
    assert store.texts == ["CC", "NN", "ClCl"]
    np.testing.assert_array_equal(store.targets, np.array([[1, np.nan], [1, 2.5], [np.nan, 0]], np.float32))
    assert [(line["row"], line["reason"]) for line in lines(prepared.rejected_rows)] == [
        (3, "no target: y, z are missing"),
        (4, "target is not a number: y is 'high'"),
        (5, "target is not a number: y is 'inf'"),
    ]


def test_further_columns_come_along_with_the_rows_that_are_kept(request_for):
    content = "word,y,part,id\nCC,1,test,a\nNN,,train,b\nlonger,2,train,c\n,3,x,d\nOO,4,test,\n"
    extras = {
        "targets": ("y",),
        "extras": ("part", "id"),
        "keep_text": True,
        "max_rejected": 0.9,
    }
    request = request_for(content, name="a.csv", column="word", max_length=5, truncate=False, **extras)
    store = prepare(request).open()
    assert store.row_numbers.tolist() == [1, 5]
    assert store.targets.tolist() == [[1.0], [4.0]]
    values, which = store.extra("part")
    assert (values, which.tolist()) == (["test"], [0, 0])
    values, which = store.extra("id")
    assert [values[at] for at in which.tolist()] == ["a", ""]


def test_a_second_preparation_reuses_the_first(request_for, monkeypatch):
    request = request_for("one\ntwo\nax\n", check=refuse_x)
    first = prepare(request)
    monkeypatch.setattr(prepare_module, "_build", lambda *_: pytest.fail("it was built again"))
    second = prepare(replace(request, processes=3, max_rejected=0.9))
    assert second.reused
    assert second.folder == first.folder
    assert second.summary == first.summary


@pytest.mark.parametrize(
    "change",
    [
        {"max_length": 32},
        {"truncate": False},
        {"reader_name": "other"},
        {"check": refuse_x},
        {"keep_text": True},
        {"usual_columns": ("a",)},
        {"extras": ("a",)},
    ],
)
def test_whatever_shapes_the_result_is_in_the_fingerprint(request_for, change):
    request = request_for("one\ntwo\n")
    assert request.fingerprint() == replace(request).fingerprint()
    assert request.fingerprint() != replace(request, **change).fingerprint()


def test_a_changed_file_is_prepared_anew(request_for):
    first = prepare(request_for("one\ntwo\n"))
    second = prepare(request_for("one\nthree\nfour\n"))
    assert not second.reused
    assert second.folder != first.folder


def test_a_file_that_changes_meanwhile_is_refused(request_for, tmp_path):
    request = request_for("one\ntwo\n")
    with pytest.raises(DataError, match="changed while it was read"):
        prepare(request, lambda *_: os.utime(request.source, (1, 1)))
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("damage", ["summary.json", "rows-00000.arrow"])
def test_a_damaged_folder_is_built_again(request_for, damage):
    request = request_for("one\ntwo\nthree\n")
    prepared = prepare(request)
    (prepared.folder / damage).write_bytes(b"{")
    again = prepare(request)
    assert not again.reused
    assert len(rows(again)) == 3


def test_a_folder_that_was_being_removed_is_swept_when_it_is_old(request_for, tmp_path):
    request = request_for("one\ntwo\n")
    old, new = (tmp_path / "cache" / f".{request.fingerprint()}.{number}-dead.tmp" for number in (1, 2))
    for left in (old, new):
        left.mkdir(parents=True)
    os.utime(old, (1, 1))
    prepare(request)
    assert not old.exists()
    assert new.exists()  # perhaps another process at work


def test_an_error_leaves_nothing_behind(request_for, tmp_path):
    def stop(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(request_for("one\ntwo\n"), stop)
    assert list((tmp_path / "cache").iterdir()) == []


def test_two_at_once_do_not_break_each_other(request_for, tmp_path):
    request = request_for("".join(f"row {i}\n" for i in range(4000)))
    together = threading.Barrier(4)
    found: list[Prepared] = []

    def work():
        together.wait()
        found.append(prepare(request))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert {prepared.folder for prepared in found} == {tmp_path / "cache" / request.fingerprint()}
    assert [path.name for path in (tmp_path / "cache").iterdir()] == [request.fingerprint()]
    assert len(rows(found[0])) == 4000


def test_fresh_data_that_another_process_just_made_are_used(request_for, monkeypatch):
    request = request_for("a\nb\nc\n")
    prepare(request)
    fresh = replace(request, fresh=True)
    assert not prepare(fresh).reused
    locked = prepare_module._locked

    def waits(partial):
        monkeypatch.setattr(prepare_module, "_locked", locked)
        prepare(fresh)  # another process, which held the lock
        return locked(partial)

    monkeypatch.setattr(prepare_module, "_locked", waits)
    assert prepare(fresh).reused
    assert not prepare(fresh).reused


def test_a_missing_file_is_named(request_for):
    request = request_for("one\n")
    with pytest.raises(DataError, match=r"gone\.txt cannot be read: there is no such file"):
        prepare(replace(request, source=request.source.with_name("gone.txt")))


def test_a_place_that_cannot_be_written_is_named(request_for, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match=r"cannot be written to .*cache"):
        prepare(request_for("one\ntwo\n"))
