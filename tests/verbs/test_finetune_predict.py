"""`sma_core.finetune` and `sma_core.predict`: labels in, values out, nothing lost on the way."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

import sma_core
import sma_core.errors
from sma_core.errors import CheckpointError, ConfigError, DataError, StoppedOnRequest
from sma_core.plugins.events import Evaluated, StepLogged
from tests.support.runs import latest_weights, table

LONGER = {"training.epochs": 50.0}


@pytest.fixture
def learned(toy, shared):
    """Return a run that learned to count vowels."""
    run = shared / "run"
    return run if run.exists() else sma_core.finetune(toy, settings=LONGER, out=run).run


def test_finetune_learns_a_regression_from_random_weights(learned):
    result = json.loads((learned / "results.json").read_text())
    assert result["task"] == "toy:vowels"
    assert result["rows"] == {"train": 160, "valid": 20, "test": 20}
    assert result["test"]["r2"] > 0.2


def test_the_reported_figures_are_those_of_the_best_validation_checkpoint(toy, tmp_path):
    seen = {}

    def watch(event):
        if isinstance(event, Evaluated) and event.step:
            seen[event.step] = event.metrics["rmse"]

    result = sma_core.finetune(toy, settings={"training.epochs": 6.0}, out=tmp_path / "run", observers=[watch])
    assert result.best_step == min(seen, key=seen.get)
    assert result.valid["rmse"] == pytest.approx(min(seen.values()), rel=1e-6)


def test_finetune_begins_with_the_encoder_of_the_pretrained_run(toy, tmp_path):
    pretrained = sma_core.train(toy, out=tmp_path / "pre").run
    settings = {"training.learning_rate": 1e-12, "training.epochs": 1.0}
    tuned = sma_core.finetune(model=pretrained, settings=settings, out=tmp_path / "tuned").run
    before, after = latest_weights(pretrained), latest_weights(tuned)
    shared = [name for name in after if name.startswith(("embed.", "encoder."))]
    assert len(shared) > 10
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in shared)


def test_a_frozen_encoder_stays_as_it_was_pretrained_and_the_head_learns(toy, tmp_path):
    pretrained = sma_core.train(toy, out=tmp_path / "pretrained").run
    settings = {"training.frozen_encoder": True, "head": "mean", "training.epochs": 10, "model.dropout": 0.5}
    losses = []

    def note(event):
        if isinstance(event, StepLogged):
            losses.append(event.loss)

    run = sma_core.finetune(toy, model=pretrained, settings=settings, out=tmp_path / "run", observers=[note]).run
    before, after = latest_weights(pretrained), latest_weights(run)
    shared = [name for name in after if name.startswith(("embed.", "encoder."))]
    assert all(torch.equal(before[name], after[name]) for name in shared)
    assert len(after) == len(shared) + 2
    assert np.mean(losses[-20:]) < np.mean(losses[:20])


def test_missing_labels_are_ignored_in_a_multi_label_task(toy, tmp_path):
    result = sma_core.finetune(toy, task="toy:flags", settings=LONGER, out=tmp_path / "run")
    assert result.metric == "roc_auc"
    assert result.test["roc_auc"] > 0.7


def test_finetune_stopped_and_resumed_ends_with_the_same_bits(toy, tmp_path):
    def stop(event):
        if isinstance(event, StepLogged) and event.step == 13:
            signal.raise_signal(signal.SIGINT)

    whole = sma_core.finetune(toy, out=tmp_path / "whole")
    with pytest.raises(StoppedOnRequest):
        sma_core.finetune(toy, out=tmp_path / "cut", observers=[stop])
    cut = sma_core.finetune(resume=str(tmp_path / "cut"))
    first, second = latest_weights(whole.run), latest_weights(cut.run)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert whole.test == cut.test


def test_a_fine_tuning_killed_before_its_first_checkpoint_still_begins_with_the_pretrained_weights(toy, tmp_path):
    def crash(event):
        if isinstance(event, StepLogged):
            raise RuntimeError("killed")

    pretrained = sma_core.train(toy, out=tmp_path / "pre").run
    whole = sma_core.finetune(model=pretrained, out=tmp_path / "whole").run
    with pytest.raises(RuntimeError, match="killed"):
        sma_core.finetune(model=pretrained, out=tmp_path / "cut", observers=[crash])
    cut = sma_core.finetune(resume=str(tmp_path / "cut")).run
    first, second = latest_weights(whole), latest_weights(cut)
    assert all(torch.equal(first[name], second[name]) for name in first)


def own_file(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.write_text("word,y\n" + "".join(f"{word},{label}\n" for word, label in rows))
    return path


def test_a_file_of_ones_own_needs_only_its_target_column(toy, tmp_path):
    from toy_domain.words import make_words

    rows = [(word, str(int("ka" in word))) for word in make_words(120, 7)]
    file = own_file(tmp_path / "mine.csv", rows)
    settings = {"targets": ["y"], "split.name": "random"}
    result = sma_core.finetune(toy, data=str(file), settings=settings, out=tmp_path / "run")
    assert result.kind == "binary"
    assert result.metric == "roc_auc"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"targets": ["z"]}, "z"),
        ({}, "needs `targets=COLUMN`"),
        ({"targets": ["y"], "kind": "binary"}, "but binary labels are 0 or 1"),
        ({"targets": ["y"], "task": "vowels"}, "not both"),
        ({"targets": ["y"], "head": "meen"}, "did you mean 'mean'"),
        ({"targets": ["y"], "split.name": "scaffold"}, "no splitter 'scaffold'"),
    ],
)
def test_wrong_wishes_for_ones_own_file_get_a_sentence(toy, tmp_path, settings, sentence):
    file = own_file(tmp_path / "mine.csv", [("kato", "2.5"), ("mire", "1.0")] * 20)
    with pytest.raises((ConfigError, DataError, sma_core.errors.PluginError), match=sentence):
        sma_core.finetune(toy, data=str(file), settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_fine_tuned_run_is_not_a_start_and_a_pretrained_one_cannot_predict(toy, tmp_path):
    pretrained = sma_core.train(toy, out=tmp_path / "pre").run
    tuned = sma_core.finetune(toy, out=tmp_path / "tuned").run
    with pytest.raises(CheckpointError, match="fine-tuning starts from a run of sma train"):
        sma_core.finetune(model=tuned)
    with pytest.raises(CheckpointError, match="without a head"):
        sma_core.predict(pretrained, "x.txt")


def test_predict_gives_a_line_for_every_row_in_order_and_keeps_bad_rows(learned, tmp_path):
    words = ["katomire", "ka", "", "no7good", "vex", "quiqui", "su" * 40, "Ärger"]
    file = tmp_path / "in.txt"
    file.write_bytes("\n".join(words).encode() + b"\n\xff\xfe\n")
    result = sma_core.predict(learned, str(file), out=tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert [int(line["row"]) for line in lines] == list(range(1, 10))
    assert [line["reason"] for line in lines] == [
        "", "", "empty", "not letters only", "", "", "truncated to 32 of 81 ids", "", "not valid UTF-8",
    ]  # fmt: skip
    assert [bool(line["vowels"]) for line in lines] == [True, True, False, False, True, True, True, True, False]
    assert (result.rows, result.unusable) == (9, 3)
    assert [line["input"] for line in lines[:8]] == words


def test_predictions_do_not_depend_on_the_batch_and_are_in_units(learned):
    from toy_domain.words import make_words

    model = sma_core.load(learned)
    words = make_words(50, 11)
    together, alone = model.predict(words), model.predict(words, batch_tokens=1)
    assert np.allclose(together, alone, rtol=1e-5, atol=1e-5)
    vowels = np.array([sum(word.count(letter) for letter in "aeiou") for word in words])
    assert np.corrcoef(together[:, 0], vowels)[0, 1] > 0.7
    assert abs(together[:, 0].mean() - vowels.mean()) < 1.5


def test_predict_writes_probabilities_for_classes(toy, tmp_path):
    run = sma_core.finetune(toy, task="flags", out=tmp_path / "run").run
    file = tmp_path / "in.txt"
    file.write_text("kato\nmiresu\n")
    sma_core.predict(run, str(file), out=tmp_path / "out.csv")
    values = [float(line[name]) for line in table(tmp_path / "out.csv") for name in ("long", "has_a")]
    assert len(values) == 4
    assert all(0.0 < value < 1.0 for value in values)


def test_a_prediction_that_fails_leaves_no_file_behind(toy, tmp_path):
    run = sma_core.finetune(toy, out=tmp_path / "run").run
    (tmp_path / "in.csv").write_text("word,x\nkato,1\n")
    with pytest.raises(DataError, match="nonsense"):
        sma_core.predict(run, str(tmp_path / "in.csv"), column="nonsense", out=tmp_path / "out.csv")
    assert not list(tmp_path.glob("*out.csv*"))


def test_a_model_refuses_a_tokenizer_of_another_version(toy, tmp_path):
    run = sma_core.finetune(toy, out=tmp_path / "run").run
    path = run / "model.json"
    facts = json.loads(path.read_text())
    facts["tokenizer"]["version"] = "0"
    path.write_text(json.dumps(facts))
    with pytest.raises(sma_core.errors.PluginError, match="trained with the tokenizer bytes version 0"):
        sma_core.load(run)
