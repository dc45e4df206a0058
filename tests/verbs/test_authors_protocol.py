"""The authors' protocol in fine-tuning: validation rows join training, and the last epoch is reported."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

import sma_core
from sma_core.checkpoints.store import CheckpointStore
from sma_core.cli.finetune import result_lines
from sma_core.errors import ConfigError, StoppedOnRequest
from sma_core.feeds.feed import new_feed
from sma_core.labels.labelled_rows import LabelledRows, read_labelled
from sma_core.plugins.events import Evaluated
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings
from tests.support.runs import curve, latest_weights, same, stop_at

AUTHORS = {"split.protocol": "authors"}
NAMED = "last epoch, no validation: the authors' protocol"
GETS_WORSE = {"training.learning_rate": 1.0, "training.epochs": 4.0, "training.warmup_steps": 40}
"""The rate rises to the end, until it is far too high, so the last epoch is not the best on validation."""


def read(domain: str, task: str, **settings: object) -> LabelledRows:
    registry = Registry.load(domain)
    named = {name.replace("__", "."): value for name, value in settings.items()}
    config = finetune_settings(registry, Request(settings={"task": task} | named)).config
    return read_labelled(registry, config, new_feed(registry, config.data))


def numbers(rows: LabelledRows, part: str) -> list[int]:
    return rows.store.row_numbers[rows.parts[part]].tolist()


@pytest.mark.parametrize(
    ("domain", "task", "label", "training"),
    [
        ("toy", "vowels", "random, validation rows join training", 180),
        ("toy", "parted", "column part, validation rows join training", 170),
        ("toy", "folds", "column fold, validation rows join training", 134),
        ("toy-numbers", "last", "last 100 rows, validation rows join training", 500),
        ("toy-numbers", "folded", "column fold, validation rows join training, 200 of 480 training rows", 200),
    ],
)
def test_validation_rows_join_training_and_the_test_stays(toy, domain, task, label, training):
    rows, usual = read(domain, task, split__protocol="authors"), read(domain, task)
    assert rows.split == label
    assert rows.sizes() == {"train": training, "valid": 0, "test": usual.sizes()["test"]}
    assert numbers(rows, "test") == numbers(usual, "test")
    assert len(set(numbers(rows, "train"))) == training
    assert not set(numbers(rows, "train")) & set(numbers(rows, "test"))
    if "training rows" not in label:
        assert set(numbers(rows, "train")) == set(numbers(usual, "train")) | set(numbers(usual, "valid"))


def test_the_last_epoch_is_reported_though_an_earlier_one_is_better(toy, tmp_path):
    usual = sma_core.finetune(toy, settings=GETS_WORSE, out=tmp_path / "usual")
    assert usual.best_step < usual.step
    assert usual.selection == "best validation rmse"
    events = []
    result = sma_core.finetune(toy, settings=GETS_WORSE | AUTHORS, out=tmp_path / "run", observers=[events.append])
    assert result.best_step == result.step == 48  # 180 rows in batches of 16, 4 times
    assert (result.valid, result.rows["valid"], result.selection) == ({}, 0, NAMED)
    assert CheckpointStore(result.run / "checkpoints").steps() == [48]
    assert not any(isinstance(event, Evaluated) for event in events)
    scored = sma_core.evaluate(result.run, bootstrap=0)
    assert {name: figure.value for name, figure in scored.figures.items()} == pytest.approx(result.test)


def test_every_report_names_the_protocol(toy, tmp_path):
    result = sma_core.finetune(toy, settings={"training.epochs": 1.0} | AUTHORS, out=tmp_path / "run")
    lines = result_lines(result)
    assert f"step 12: {NAMED}" in lines
    assert "split: random, validation rows join training" in lines
    facts = json.loads((result.run / "results.json").read_text())
    assert (facts["selection"], facts["valid"]) == (NAMED, {})
    card = (result.run / "README.md").read_text()
    assert f"| weights | step 12, {NAMED} |" in card
    assert "180 rows for training, none for validation, and 20 for the test" in card
    assert "| metric | test |" in card
    assert "best validation" not in card


def test_a_stopped_run_goes_on_to_the_same_weights(toy, tmp_path):
    settings = {"training.epochs": 3.0, "training.log_every": 1, "model.dropout": 0.2} | AUTHORS
    whole = sma_core.finetune(toy, settings=settings, out=tmp_path / "whole")
    with pytest.raises(StoppedOnRequest):
        sma_core.finetune(toy, settings=settings, out=tmp_path / "cut", observers=[stop_at(17, signal.SIGINT)])
    cut = sma_core.finetune(resume=str(tmp_path / "cut"))
    assert same(latest_weights(whole.run), latest_weights(cut.run))
    assert (cut.test, cut.selection) == (whole.test, NAMED)
    assert curve(cut.run) == curve(whole.run)
    with pytest.raises(ConfigError, match=r"split\.protocol"):
        sma_core.finetune(resume=str(cut.run), settings={"split.protocol": "validation"})


def test_what_needs_validation_rows_gets_a_sentence(toy, run_sma, tmp_path):
    asked = ["--domain", toy, "--set", "split.protocol=authors", "--set", "training.epochs=1"]
    refused = run_sma("finetune", *asked, "--patience", "2", "--out", "none")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--patience needs validation rows, which --set split.protocol=authors has not" in refused.stderr
    assert not (tmp_path / "none").exists()
    done = run_sma("finetune", *asked, "--out", "run")
    assert (done.returncode, NAMED in done.stdout) == (0, True), done.stderr
    with pytest.raises(ConfigError, match=r"has no valid rows: choose another `part` \(train, test, all\)"):
        sma_core.evaluate(Path("run"), part="valid")
    assert sma_core.evaluate(Path("run"), part="all", bootstrap=0).rows == 200
