"""Censored labels of a regression: how they are read, their one-sided loss, and what is left out of metrics."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest
import torch

import sma_core
from sma_core.cli.finetune import result_lines
from sma_core.data.labels import limit_of
from sma_core.errors import ConfigError, DataError, StoppedOnRequest
from sma_core.plugins.events import StepLogged
from sma_core.training.finetuning.regression_losses import REGRESSION_LOSSES
from sma_core.training.finetuning.targets import Targets
from tests.support.runs import latest_weights, table

FEW = {"targets": ["y"], "censored_labels": True, "training.epochs": 2.0, "baselines": False}


def write_rows(file, label, count=160):
    """Write rows of numbers, and for every eighth row what ``label`` makes of its value."""
    draw = np.random.default_rng(0)
    lines = ["pt,eta,y"]
    for row in range(count):
        pt, eta = draw.normal(size=2).round(4)
        lines.append(f"{pt},{eta},{label(pt + eta) if row % 8 == 0 else round(pt + eta, 4)}")
    file.write_text("\n".join(lines) + "\n")
    return file


@pytest.fixture
def limits(tmp_path):
    return write_rows(tmp_path / "limits.csv", lambda value: f"> {value - 1:.2f}")


@pytest.mark.parametrize(
    ("text", "limit"),
    [("<5.2", (5.2, -1)), (">10", (10.0, 1)), (" >= -3e2 ", (-300.0, 1)), ("≤ 4", (4.0, -1)), ("≥4", (4.0, 1))]
    + [(text, None) for text in ("5.2", "<", "<x", "<<5", "5<", "<nan", "<inf", "", "<1_000", "a<5")],
)
def test_a_limit_is_a_sign_and_a_number(text, limit):
    assert limit_of(text) == limit


@pytest.mark.parametrize("name", REGRESSION_LOSSES)
def test_there_is_no_loss_on_the_permitted_side_and_the_usual_one_on_the_other(name):
    targets = Targets.fit(("y",), "regression", np.array([[0.0], [2.0]])).with_loss(name, 1.0)  # mean 1, spread 1
    labels, sides = torch.tensor([[3.0]] * 4), torch.tensor([[1], [1], [-1], [-1]])
    outputs = torch.tensor([[2.5], [0.5], [0.5], [2.5]], requires_grad=True)
    usual = [targets.loss(outputs[row : row + 1], labels[:1]).item() for row in range(4)]
    loss = targets.loss(outputs, labels, None, sides)
    assert loss.item() == pytest.approx((usual[1] + usual[3]) / 4)
    (slope,) = torch.autograd.grad(loss, outputs)
    assert (slope[:, 0] != 0).tolist() == [False, True, False, True]
    assert slope[1, 0] < 0 < slope[3, 0]


def test_a_run_counts_them_leaves_them_out_of_metrics_and_learns_from_them(numbers, limits, tmp_path):
    run = sma_core.finetune(numbers, data=limits, settings=FEW, out=tmp_path / "run")
    (note,) = run.notes
    assert note in result_lines(run)
    rows = table(tmp_path / "run" / "split.csv")
    parts = {part: {int(row["row"]) for row in rows if row["part"] == part} for part in ("train", "valid", "test")}
    counts = {part: sum((row - 1) % 8 == 0 for row in numbers_of) for part, numbers_of in parts.items()}
    assert sum(counts.values()) == 20
    assert note.startswith(f"censored labels: {counts['train']} of training rows")
    assert f"{counts['valid']} of validation and {counts['test']} of test rows" in note
    judged = sma_core.evaluate(run.run, part="all", bootstrap=0, predictions=tmp_path / "p.csv")
    assert (judged.rows, judged.censored) == (160, 20)
    pairs = [(row["label:y"], float(row["y"])) for row in table(tmp_path / "p.csv")]
    errors = [float(label) - value for label, value in pairs if label]
    assert len(errors) == 140
    assert judged.figures["rmse"].value == pytest.approx(np.sqrt(np.mean(np.square(errors))), rel=1e-5)
    mean = json.loads((run.run / "model.json").read_text())["targets"]["mean"][0]
    train = [
        float(label)
        for (label, _), row in zip(pairs, range(1, 161), strict=True)
        if row in parts["train"] and label
    ]
    assert mean == pytest.approx(np.mean(train))
    high = write_rows(tmp_path / "high.csv", lambda value: f">{value + 50}")
    other = sma_core.finetune(numbers, data=high, settings=FEW, out=tmp_path / "high")
    assert sma_core.evaluate(other.run, data=high, bootstrap=0).censored == 20
    first, second = latest_weights(run.run), latest_weights(other.run)
    assert not all(torch.equal(first[name], second[name]) for name in first)  # only the limits differ


def test_limits_that_are_met_teach_nothing(numbers, tmp_path):
    settings = FEW | {"training.learning_rate": 1e-3}
    files = [write_rows(tmp_path / f"{n}.csv", lambda value, n=n: f"<{1000 + n}") for n in range(2)]
    runs = [sma_core.finetune(numbers, data=f, settings=settings, out=tmp_path / f.stem).run for f in files]
    first, second = map(latest_weights, runs)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_run_that_was_stopped_ends_with_the_same_bits(numbers, limits, tmp_path):
    whole = sma_core.finetune(numbers, data=limits, settings=FEW, out=tmp_path / "whole")

    def stop(event):
        if isinstance(event, StepLogged) and event.step == whole.step // 2:
            signal.raise_signal(signal.SIGINT)

    often = FEW | {"training.log_every": 1}
    with pytest.raises(StoppedOnRequest):
        sma_core.finetune(numbers, data=limits, settings=often, out=tmp_path / "cut", observers=[stop])
    cut = sma_core.finetune(resume=str(tmp_path / "cut"))
    assert (cut.test, cut.notes) == (whole.test, whole.notes)
    first, second = latest_weights(whole.run), latest_weights(cut.run)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_text_has_limits_too_and_parquet(toy, numbers, limits, tmp_path):
    from pyarrow import csv, parquet
    from toy_domain.words import make_words

    words = make_words(120, 7)
    labels = [f"<{len(word)}" if row % 10 == 0 else str(len(word) + row % 3) for row, word in enumerate(words)]
    (tmp_path / "words.csv").write_text("word,y\n" + "".join(map("{},{}\n".format, words, labels)))
    parquet.write_table(csv.read_csv(limits), tmp_path / "limits.parquet")
    for domain, name, count, censored in ((toy, "words.csv", 120, 12), (numbers, "limits.parquet", 160, 20)):
        settings = FEW | {"training.epochs": 1.0}
        result = sma_core.finetune(domain, data=tmp_path / name, settings=settings, out=tmp_path / name[:5])
        assert sum(result.rows.values()) == count
        assert sma_core.evaluate(result.run, part="all", bootstrap=0).censored == censored


def test_without_the_option_the_error_names_it(numbers, limits, tmp_path, run_sma):
    settings = {key: value for key, value in FEW.items() if key != "censored_labels"}
    with pytest.raises(DataError, match=r"y is '> -?[\d.]+'; `censored_labels=true` reads such limits"):
        sma_core.finetune(numbers, data=limits, settings=settings)
    write_rows(tmp_path / "all.csv", lambda value: f"<{value}", 8)
    (tmp_path / "all.csv").write_text("pt,eta,y\n" + "".join(f"{n},1,<{n % 3}\n" for n in range(20)))
    with pytest.raises(DataError, match=r"has limits, as in '<0': `censored_labels=true` reads them"):
        sma_core.finetune(numbers, data=tmp_path / "all.csv", settings=settings)
    done = run_sma("finetune", "--domain", numbers, "--data", limits, "--target", "y")
    assert done.returncode == 2
    assert "--censored-labels reads such limits" in done.stderr


def test_only_a_regression_has_limits(toy, numbers, limits, tmp_path):
    with pytest.raises(ConfigError, match="censored_labels are those of a regression: leave out"):
        sma_core.finetune(numbers, data=limits, settings=FEW | {"kind": "binary"})
    with pytest.raises(ConfigError, match="`censored_labels` are those of a regression, not of flags"):
        sma_core.finetune(toy, settings={"task": "flags", "censored_labels": True})
    (tmp_path / "all.csv").write_text("pt,eta,y\n" + "".join(f"{n},1,<{n % 3}\n" for n in range(40)))
    with pytest.raises(DataError, match="the target 'y' has no label in any usable row"):
        sma_core.finetune(numbers, data=tmp_path / "all.csv", settings=FEW)
