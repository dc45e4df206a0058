"""Labels of characters with a tokenizer whose ids stand for several of them, from pre-training to predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import sma_core
from sma_core.errors import PluginError
from tests.support.runs import table

TOKENIZER = {"data.tokenizer": "syllables"}
LEARNS = TOKENIZER | {"training.epochs": 30.0, "training.learning_rate": 1e-2, "model.dropout": 0.0}
CLASS = {"ka": "x", "to": "y", "mi": "y", "re": "z", "su": "x", "lan": "y", "dor": "x", "vex": "z", "qui": "z"}


def syllables(word: str) -> list[str]:
    from toy_domain.syllables import _PIECE

    return _PIECE.findall(word)


def marked(word: str) -> str:
    """Every letter of a syllable has its class; another character has class w."""
    return "".join(CLASS.get(piece, "w") * len(piece) for piece in syllables(word))


def own_words(count: int, seed: int = 7) -> list[str]:
    from toy_domain.words import make_words

    return ["ä" * (at % 3 == 0) + word + "b" * (at % 4 == 0) for at, word in enumerate(make_words(count, seed))]


def own_file(path: Path, words: list[str], label=marked) -> Path:
    lines = [f"{word},{label(word)},{'0' + '1' * (len(word) - 1)}\n" for word in words]
    path.write_text("word,y,known\n" + "".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def tuned(shared, toy):
    """A run pre-trained and fine-tuned on labels that the id of a character decides."""
    run = shared / "tuned"
    if not run.exists():
        sma_core.train(toy, settings=TOKENIZER | {"training.steps": 20}, out=shared / "pre")
        file = own_file(shared / "mine.csv", own_words(200))
        settings = {"targets": ["y"]} | {name: value for name, value in LEARNS.items() if name not in TOKENIZER}
        sma_core.finetune(model=shared / "pre", data=file, settings=settings, out=run)
    return run


def result(run: Path) -> dict:
    return json.loads((run / "results.json").read_text())


def test_labels_that_ids_decide_are_learned_for_every_character(tuned):
    found = result(tuned)
    assert found["kind"] == "per-position"
    assert found["test"]["accuracy"] > 0.97
    assert not found["warnings"]
    facts = json.loads((tuned / "model.json").read_text())
    assert (facts["tokenizer"]["name"], facts["head"]) == ("syllables", "position")
    assert facts["targets"]["classes"] == ["w", "x", "y", "z"]


def test_every_character_has_a_prediction_also_in_memory(tuned, tmp_path):
    words = ["katolan", "äkaä", "n7", "b", "äquidorvex", "kalanbb"]
    file = own_file(tmp_path / "in.csv", words)
    sma_core.predict(tuned, file, out=tmp_path / "out.parquet", probabilities=True)
    lines = pq.read_table(tmp_path / "out.parquet").to_pylist()
    expected = [marked(word) if word.isalpha() else None for word in words]
    assert [line["y"] for line in lines] == expected
    run = sma_core.load(tuned)
    characters = run.predict_characters(words)
    assert [len(row) for row in characters] == [len(text or "") for text in expected]
    for row, line in zip(characters, lines, strict=True):
        for number, name in enumerate(run.classes):
            np.testing.assert_allclose(row[:, number], line[f"y:{name}"] or [], rtol=1e-5)
    # The letters of one id have one prediction, to the bit.
    np.testing.assert_array_equal(characters[0][4:], characters[0][[4, 4, 4]])
    values = run.predict(words)
    assert values.shape == (6, 10)
    assert (~np.isnan(values)).sum(axis=1).tolist() == [len(text or "") for text in expected]
    assert ["".join(run.classes[int(at)] for at in row[~np.isnan(row)]) or None for row in values] == expected


def test_evaluation_scores_and_lists_every_character(tuned, tmp_path):
    words = own_words(30, seed=11)
    file = own_file(tmp_path / "in.csv", words, lambda word: "?" + marked(word)[1:])
    found = sma_core.evaluate(tuned, data=file, bootstrap=0, predictions=tmp_path / "p.csv")
    assert found.judged == sum(map(len, words)) - len(words)
    lines = table(tmp_path / "p.csv")
    assert [line["input"] for line in lines] == words
    assert [line["label:y"] for line in lines] == ["?" + marked(word)[1:] for word in words]
    assert [len(line["y"]) for line in lines] == [len(word) for word in words]
    hits = [line["y"][at] == mark for line in lines for at, mark in enumerate(line["label:y"]) if mark != "?"]
    assert found.figures["accuracy"].value == pytest.approx(np.mean(hits))
    swapped = own_file(
        tmp_path / "wrong.csv", words, lambda word: marked(word).translate(str.maketrans("xyz", "yzx"))
    )
    assert sma_core.evaluate(tuned, data=swapped, bootstrap=0).figures["accuracy"].value < 0.2


def test_several_files_and_windows_of_long_rows_keep_the_order(tuned, tmp_path):
    words = own_words(20, seed=12)
    long = "".join(words)  # of more ids than the model reads
    own_file(tmp_path / "a.csv", words[:9])
    own_file(tmp_path / "b.csv", [*words[9:], long])
    files = f"{tmp_path}/[ab].csv"
    most = sma_core.load(tuned).model.max_length
    read = sum(map(len, ids_of(long)[: most - 1]))
    found = sma_core.evaluate(tuned, data=files, bootstrap=0, predictions=tmp_path / "p.csv")
    lines = table(tmp_path / "p.csv")
    assert [line["label:y"] for line in lines[:-1]] == list(map(marked, words))
    assert lines[-1]["label:y"] == marked(long)[:read]
    assert len(lines[-1]["y"]) == read < len(long)
    assert (found.truncated, found.judged) == (1, len(long) + read)
    assert found.figures["accuracy"].value > 0.97
    cut = sma_core.load(tuned).predict_characters([long])
    assert len(cut[0]) == read
    options = {"bootstrap": 0, "window_overlap": 5, "predictions": tmp_path / "w.csv"}
    whole = sma_core.evaluate(tuned, data=files, **options)
    assert (whole.windowed, whole.judged) == (1, 2 * len(long))
    assert [line["label:y"] for line in table(tmp_path / "w.csv")] == [*map(marked, words), marked(long)]
    assert whole.figures["accuracy"].value > 0.97
    run = sma_core.load(tuned)
    joined = run.with_windows(5).predict_characters([long])[0].argmax(axis=1)
    assert "".join(run.classes[at] for at in joined) == table(tmp_path / "w.csv")[-1]["y"]


def ids_of(word: str) -> list[str]:
    """The characters of each id: empty for those of a character but the first."""
    return [
        part
        for piece in syllables(word)
        for part in ([piece] if piece in CLASS else [piece, *[""] * (len(piece.encode()) - 1)])
    ]


def test_labels_that_differ_within_an_id_are_told_and_score_what_is_possible(toy, tmp_path):
    found = sma_core.finetune(toy, task="marks", settings=LEARNS, out=tmp_path / "run")
    (warning,) = [text for text in found.warnings if "different labels" in text]
    assert "some ids of the tokenizer 'syllables' stand for characters with different labels" in warning
    # Known letters (not k): of a syllable such as "mi" one of two is right, of "lan" two of three.
    most = float(warning.split("at most ")[1].split(" ")[0])
    assert 0.5 < most < 0.7
    assert found.test["accuracy"] < 0.75
    sma_core.predict(found.run, own_file(tmp_path / "in.csv", ["mikalan"]), out=tmp_path / "out.csv")
    assert table(tmp_path / "out.csv")[0]["marks"][4:] == "CCC"
    plain = sma_core.finetune(toy, task="marks", settings={"training.epochs": 1.0}, out=tmp_path / "plain")
    assert not [text for text in plain.warnings if "different labels" in text]


def test_a_position_mask_and_rows_that_do_not_fit(toy, tmp_path):
    file = own_file(tmp_path / "mine.csv", own_words(60))
    bad = ["kato,yy,1111", "kato,yyyy,11", "kato,????,1111", "kato,yyyy,0000"]
    file.write_text(file.read_text() + "\n".join(bad) + "\n")
    settings = TOKENIZER | {
        "targets": ["y"],
        "position_mask": "known",
        "training.epochs": 1.0,
        "data.max_rejected": 0.5,
    }
    run = sma_core.finetune(toy, data=file, settings=settings, out=tmp_path / "run").run
    assert [json.loads(line)["reason"] for line in (run / "rejected.jsonl").read_text().splitlines()] == [
        "label of another length: 2 symbols for 4 characters",
        "position mask of another length: 2 for 4 characters",
        "no target",
        "no position counts",
    ]
    found = sma_core.evaluate(run, bootstrap=0, predictions=tmp_path / "p.csv")
    lines = table(tmp_path / "p.csv")
    assert found.judged == sum(len(line["input"]) - 1 for line in lines)
    assert all(line["label:y"] == "?" + marked(line["input"])[1:] for line in lines)


@pytest.mark.parametrize("truncate", [True, False])
def test_a_cut_keeps_the_labels_of_whole_ids(toy, tmp_path, truncate):
    words = ["katolanmi", "vex", "äkakaka", *own_words(60)]
    settings = TOKENIZER | {
        "targets": ["y"], "model.max_length": 4, "training.epochs": 1.0, "data.truncate": truncate,
        "data.max_rejected": 1.0, "kind": "per-position", "baselines": False,
    }  # fmt: skip
    file = own_file(tmp_path / "mine.csv", words)
    run = sma_core.finetune(toy, data=file, settings=settings, out=tmp_path / "run").run
    sma_core.evaluate(
        run, data=own_file(tmp_path / "in.csv", words[:3]), bootstrap=0, predictions=tmp_path / "p.csv"
    )
    found = {line["input"]: line["label:y"] for line in table(tmp_path / "p.csv")}
    cut = {"katolanmi": "xxyyyyy", "äkakaka": "wxx"}  # three ids and the separator; ä has two
    assert found == {"vex": "zzz"} | (cut if truncate else {})
    shown = [len(row) for row in sma_core.load(run).predict_characters(words[:3])]
    assert shown == ([7, 3, 3] if truncate else [0, 3, 0])


def test_it_goes_on_where_it_was_stopped(toy, tmp_path):
    file = own_file(tmp_path / "mine.csv", own_words(60))
    settings = TOKENIZER | {"targets": ["y"], "training.epochs": 2.0, "training.workers": 1}
    whole = sma_core.finetune(toy, data=file, settings=settings, out=tmp_path / "whole")
    here = sma_core.finetune(toy, data=file, settings=settings | {"training.workers": 0}, out=tmp_path / "here")
    assert whole.test == here.test


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ("np.ones(len(self.encode(texts).values), dtype=int)", r"counts \d+ characters, not \d+, in row 1, 'mi"),
        ("self.encode(texts).values.astype(float)", "must return an array of integers, one for each of"),
        ("np.zeros(3, dtype=int)", "must return an array of integers, one for each of"),
        ("np.full(len(self.encode(texts).values), -1)", "gave -1; an id stands for 0 characters or more"),
        ("1 / 0", r"character_counts of the tokenizer 'syllables' .* failed for row 1, 'mi.*ZeroDivisionError"),
    ],
)
def test_counts_that_do_not_fit_are_one_sentence(toy, tmp_path, monkeypatch, counts, said):
    from toy_domain.syllables import SyllableTokenizer

    monkeypatch.setattr(SyllableTokenizer, "character_counts", eval(f"lambda self, texts: {counts}", {"np": np}))
    file = own_file(tmp_path / "mine.csv", ["mika", *own_words(30)])
    with pytest.raises(PluginError, match=said):
        sma_core.finetune(toy, data=file, settings=TOKENIZER | {"targets": ["y"]}, out=tmp_path / "run")
