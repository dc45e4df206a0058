"""Rows that are longer than the model, read in overlapping windows."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

import sma_core
from sma_core.data.batching.held_out import split_held_out
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.data.windows import split_texts
from sma_core.errors import DataError, UserError
from tests.support.runs import table

SHORT = {"model.max_length": 8, "training.epochs": 1.0}
LONG = "katomirevexquisu"  # 16 letters and the separator
WORDS = ["ka", LONG, "n7", "vexquis", "vexquisu"]
OVERLAP = 3
PARTS = [["ka"], ["katomir", "mirevex", "vexquis", "exquisu"], [], ["vexquis"], ["vexquis", "exquisu"]]
"""The windows of each of `WORDS`: at most 7 letters each, the last at the end of the word."""


def tuned(shared, toy, task: str, **settings: object):
    run = shared / f"{task}-{len(settings)}"
    if not run.exists():
        sma_core.finetune(toy, task=task, settings=SHORT | settings, out=run)
    return sma_core.load(run)


@pytest.fixture
def rows(tmp_path):
    (tmp_path / "rows.csv").write_text(
        "name,word,note\n" + "".join(f"w{n},{w},x{n}\n" for n, w in enumerate(WORDS))
    )
    return tmp_path / "rows.csv"


@pytest.mark.parametrize(("longest", "overlap"), [(10, 0), (10, 8), (10, 4), (5, 1), (30, 3), (2, 0)])
def test_windows_cover_each_row_and_joined_positions_are_the_row(longest, overlap):
    tokenizer, texts = ByteTokenizer(), ["abcdefghijklmnopqrstuvwxyz", "abc", "", "0123456789", "012345678"]
    encoded = tokenizer.encode(texts)
    inputs, windows = split_texts(encoded, longest, overlap, tokenizer.separator_id)
    parts = [inputs[index] for index in range(len(inputs))]
    assert all(part[-1] == tokenizer.separator_id and len(part) <= longest for part in parts)
    joined = windows.joined(parts)
    assert [row.tolist() for row in joined] == [encoded[index].tolist() for index in range(len(texts))]
    assert windows.counts.tolist() == [np.count_nonzero(windows.rows == row) for row in range(len(texts))]
    starts = [
        text.find(tokenizer.decode(part)) for text, part in zip(np.array(texts)[windows.rows], parts, strict=True)
    ]
    for first, second, row, following in zip(starts, starts[1:], windows.rows, windows.rows[1:], strict=False):
        assert row != following or second < first + longest - overlap


def test_no_row_has_no_windows():
    inputs, windows = split_texts(ByteTokenizer().encode([]), 8, 3, 5)
    assert (len(inputs), len(windows.rows), windows.joined([])) == (0, 0, [])
    assert windows.mean(np.zeros((0, 4))).shape == (0, 4)


def test_a_prediction_is_the_mean_over_the_windows(shared, toy):
    run = tuned(shared, toy, "vowels")
    expected = [run.predict(parts).mean(axis=0) if parts else [np.nan] for parts in PARTS]
    np.testing.assert_allclose(run.with_windows(OVERLAP).predict(WORDS), expected, rtol=1e-5)
    classes = tuned(shared, toy, "first")
    expected = [classes.predict(parts).mean(axis=0) for parts in PARTS if parts]
    found = classes.with_windows(OVERLAP).predict(WORDS)
    np.testing.assert_allclose(found[[0, 1, 3, 4]], expected, rtol=1e-5)


@pytest.mark.parametrize("encoder", ["self-attention", "cross-attention"])
def test_a_vector_is_the_mean_over_the_windows_and_those_of_positions_are_joined(toy, tmp_path, encoder):
    settings = {"training.steps": 2, "model.encoder": encoder, "model.max_length": 8}
    run = sma_core.load(sma_core.train(toy, settings=settings, out=tmp_path / "run").run)
    expected = [run.embed(parts).mean(axis=0) if parts else np.full(16, np.nan) for parts in PARTS]
    np.testing.assert_allclose(run.with_windows(OVERLAP).embed(WORDS), expected, rtol=1e-4, atol=1e-6)
    joined = run.with_windows(OVERLAP).embed_inputs(WORDS)
    assert [len(row) for row in joined] == [3, 17, 0, 8, 9]
    parts = run.embed_inputs(PARTS[1])
    # The windows begin at the letters 0, 4, 8 and 9, and divide their overlaps at the letters 5, 9 and 12.
    by_hand = [parts[0][:5], parts[1][1:5], parts[2][1:4], parts[3][3:]]
    np.testing.assert_allclose(joined[1], np.concatenate(by_hand), rtol=1e-4, atol=1e-6)


def test_labels_of_characters_are_joined_and_have_probabilities(shared, toy, rows, tmp_path):
    run = tuned(shared, toy, "marks", **{"split.seed": 1})
    sma_core.predict(run.path, rows, out=tmp_path / "cut.csv")
    assert [len(line["marks"]) for line in table(tmp_path / "cut.csv")] == [2, 7, 0, 7, 7]
    options = {"window_overlap": OVERLAP, "probabilities": True}
    sma_core.predict(run.path, rows, out=tmp_path / "out.parquet", **options)
    lines = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [len(line["marks"] or "") for line in lines] == [2, 16, 0, 7, 8]
    assert [line["reason"] for line in lines] == [
        None,
        "read in 4 windows",
        "not letters only",
        None,
        "read in 2 windows",
    ]
    columns = [f"marks:{name}" for name in run.classes]
    for line in lines:
        if line["marks"] is None:
            assert [line[name] for name in columns] == [None, None]
            continue
        values = np.array([line[name] for name in columns])
        np.testing.assert_allclose(values.sum(axis=0), 1.0)
        assert "".join(run.classes[best] for best in values.argmax(axis=0)) == line["marks"]
    in_memory = run.with_windows(OVERLAP).predict_characters(WORDS)
    assert [len(row) for row in in_memory] == [2, 16, 0, 7, 8]
    np.testing.assert_allclose(in_memory[1].T, [lines[1][name] for name in columns], rtol=1e-5)
    sma_core.predict(run.path, rows, out=tmp_path / "out.csv", **options)
    cells = table(tmp_path / "out.csv")[1][columns[0]].split(" ")
    np.testing.assert_allclose(np.array(cells, dtype=float), lines[1][columns[0]], rtol=1e-6)


def test_the_command_says_so_and_copies_columns(shared, toy, rows, tmp_path, run_sma):
    run = tuned(shared, toy, "vowels").path
    options = ["--out", tmp_path / "out.csv", "--window-overlap", OVERLAP, "--keep", "note", "--id", "name"]
    done = run_sma("predict", "--model", run, rows, *options, "--keep", "word")
    lines = table(tmp_path / "out.csv")
    assert list(lines[0]) == ["row", "name", "note", "word", "input", "vowels", "reason"]
    assert [(line["name"], line["note"], line["word"]) for line in lines] == [
        (f"w{number}", f"x{number}", word) for number, word in enumerate(WORDS)
    ]
    assert "2 of 5 rows: longer than model.max_length (8) and read in windows" in done.stderr
    assert "beginning" not in done.stderr
    facts = json.loads(run_sma("predict", "--model", run, rows, *options, "--json", "--force").stdout)
    assert {"rows": 5, "unusable": 1, "truncated": 0, "windowed": 2}.items() <= facts.items()
    done = run_sma("embed", "--model", run, rows, "--out", tmp_path / "v.npz", "--window-overlap", OVERLAP)
    assert "2 of 5 rows: longer" in done.stderr
    with np.load(tmp_path / "v.npz") as file:
        assert (file["windowed_rows"].tolist(), file["truncated_rows"].tolist()) == ([2, 5], [])
    done = run_sma("predict", "--model", run, rows, "--out", tmp_path / "cut.csv")
    assert "(8): only their beginning was read; --window-overlap N reads them whole" in done.stderr


@pytest.mark.parametrize("task", ["vowels", "first"])
def test_evaluate_averages_the_windows_of_each_row(shared, toy, tmp_path, task):
    run = tuned(shared, toy, task)
    words = [*(word for word in WORDS if word.isalpha()), "moro"]
    labels = {
        "vowels": [sum(letter in "aeiou" for letter in word) for word in words],
        "first": [run.classes[0] if task == "first" else "" for _ in words],
    }[task]
    lines = [f"{word},{label}" for word, label in zip(words, labels, strict=True)]
    (tmp_path / "own.csv").write_text("\n".join([f"word,{task}", *lines]))
    result = sma_core.evaluate(
        run.path, data=tmp_path / "own.csv", bootstrap=0, window_overlap=OVERLAP, predictions=tmp_path / "p.csv"
    )
    assert (result.rows, result.windowed, result.truncated) == (5, 2, 0)
    assert not any("beginning" in warning for warning in result.warnings)
    predicted = run.with_windows(OVERLAP).predict(words)
    names = list(table(tmp_path / "p.csv")[0])[-predicted.shape[1] :]
    written = [[float(line[name]) for name in names] for line in table(tmp_path / "p.csv")]
    np.testing.assert_allclose(written, predicted, rtol=1e-5)
    cut = sma_core.evaluate(run.path, data=tmp_path / "own.csv", bootstrap=0)
    assert cut.truncated == 2
    assert "`window_overlap=N` reads them whole" in cut.warnings[0]
    own = [sma_core.evaluate(run.path, bootstrap=0, window_overlap=overlap) for overlap in (None, OVERLAP)]
    assert own[0].rows == own[1].rows


def test_evaluate_joins_labels_of_positions(shared, toy, tmp_path):
    run = tuned(shared, toy, "marks", **{"split.seed": 1})
    words = [word for word in WORDS if word.isalpha()]
    lines = [f"{word},{''.join(run.classes[letter in 'aeiou'] for letter in word)}" for word in words]
    (tmp_path / "own.csv").write_text("\n".join(["word,marks", *lines]))
    result = sma_core.evaluate(
        run.path, data=tmp_path / "own.csv", bootstrap=0, window_overlap=OVERLAP, predictions=tmp_path / "p.csv"
    )
    assert (result.rows, result.judged, result.windowed) == (4, sum(map(len, words)), 2)
    characters = run.with_windows(OVERLAP).predict_characters(words)
    hits = [
        run.classes[best] == mark
        for row, line in zip(characters, lines, strict=True)
        for best, mark in zip(row.argmax(axis=1).tolist(), line.partition(",")[2], strict=True)
    ]
    assert result.figures["accuracy"].value == pytest.approx(np.mean(hits))


def test_pretraining_reads_long_rows_whole_and_says_so(toy, tmp_path):
    words = [WORDS[1] * 4 for _ in range(40)] + ["ka"]
    (tmp_path / "own.csv").write_text("\n".join(["word", *words]))
    settings = {"training.steps": 1, "model.max_length": 8, "data.held_out": 0.3, "data.window_overlap": OVERLAP}
    result = sma_core.train(toy, data=tmp_path / "own.csv", settings=settings, out=tmp_path / "run")
    assert (result.rows, result.truncated, result.windowed) == (41, 0, 40)
    assert result.windows == 40 * (1 + -(-(4 * (len(LONG)) - 7) // (7 - OVERLAP)))
    assert 0 < result.held_out_rows < 41
    record = json.loads((tmp_path / "run" / "model.json").read_text())["data"]
    assert (record["rows"], record["windowed"], record["windows"]) == (41, 40, result.windows)
    with pytest.raises(UserError, match="must be a whole number from 0 to 6"):
        sma_core.train(toy, data=tmp_path / "own.csv", settings=settings | {"data.window_overlap": 7})


def test_windows_of_one_row_are_on_one_side():
    numbers = np.repeat(np.arange(50), 7)
    train, held_out = split_held_out(numbers, 0.2, "rows")
    assert not set(numbers[train]) & set(numbers[held_out])
    train, held_out = split_held_out(np.array([1, 1, 2, 2]), 1e-9, "rows")
    assert (train.tolist(), held_out.tolist()) == ([0, 1], [2, 3])
    with pytest.raises(DataError, match="only one usable row"):
        split_held_out(np.array([1, 1, 1]), 0.5, "rows")


def test_a_copied_column_with_the_name_of_another_says_that_it_is_the_files(shared, toy, tmp_path):
    (tmp_path / "own.csv").write_text("word,input,vowels\nka,i,1\n")
    run = tuned(shared, toy, "vowels")
    sma_core.predict(run.path, tmp_path / "own.csv", out=tmp_path / "out.csv", keep=["input", "vowels"])
    (line,) = table(tmp_path / "out.csv")
    assert list(line) == ["row", "input:file", "vowels:file", "input", "vowels", "reason"]
    assert (line["input:file"], line["vowels:file"], line["input"]) == ("i", "1", "ka")


def test_what_cannot_be_is_one_sentence(shared, toy, numbers, rows, tmp_path):
    run = tuned(shared, toy, "vowels")
    for overlap in (-1, 7, 1.5, True, "a"):
        with pytest.raises(UserError, match=r"must be a whole number from 0 to 6: a window has 8 ids"):
            run.with_windows(overlap)
    run.with_windows(6).predict(WORDS)
    with pytest.raises(UserError, match="predictions of rows of this kind have no further columns"):
        sma_core.predict(run.path, rows, out=tmp_path / "out.csv", probabilities=True)
    with pytest.raises(UserError, match="predicts rows, not characters"):
        run.predict_characters(WORDS)
    table_run = sma_core.load(
        sma_core.train(numbers, settings={"training.steps": 1}, out=tmp_path / "numbers").run
    )
    with pytest.raises(UserError, match="rows of a table are never longer than the model reads"):
        table_run.with_windows(1)
