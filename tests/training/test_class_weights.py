"""Class weights as numbers by name: their loss, their record, what is refused, and what a run says of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch.nn import functional

import sma_core
from sma_core.cli.finetune import result_lines
from sma_core.config.class_weights import class_weights_of
from sma_core.errors import ConfigError
from sma_core.training.finetuning.class_weights import class_weights_text, weighted
from sma_core.training.finetuning.targets import Targets

NAN = float("nan")


def fitted(kind, names=("y",), classes=()):
    return Targets.fit(names, kind, np.zeros((1, len(names))), classes)


@pytest.mark.parametrize(("classes", "names"), [((), ("0", "1")), (("b", "s"), ("b", "s"))])
def test_both_classes_of_a_binary_target_have_their_weight(classes, names):
    targets = weighted(fitted("binary", classes=classes), {names[1]: 5.0, names[0]: 0.5})
    outputs, labels = torch.tensor([[0.3], [2.0], [-1.0], [1.0]]), torch.tensor([[1.0], [0.0], [1.0], [NAN]])
    plain = functional.binary_cross_entropy_with_logits(outputs[:3], labels[:3], reduction="none")[:, 0]
    expected = (5 * plain[0] + 0.5 * plain[1] + 5 * plain[2]) / 3
    assert float(targets.loss(outputs, labels)) == pytest.approx(float(expected))
    assert class_weights_text(targets) == f"{names[0]} 0.5, {names[1]} 5"


def test_each_of_several_targets_has_its_own_weight_of_label_1():
    targets = weighted(fitted("multilabel", ("a", "b")), {"b": 4.0})
    outputs, labels = torch.tensor([[0.3, 0.1], [2.0, -0.4]]), torch.tensor([[1.0, 1.0], [0.0, 0.0]])
    plain = functional.binary_cross_entropy_with_logits(outputs, labels, reduction="none")
    expected = (plain[0, 0] + 4 * plain[0, 1] + plain[1].sum()) / 4
    assert float(targets.loss(outputs, labels)) == pytest.approx(float(expected))
    assert class_weights_text(targets) == "label 1 of a 1, b 4"


@pytest.mark.parametrize("kind", ["multiclass", "per-position"])
def test_classes_have_the_weights_of_their_names(kind):
    targets = weighted(fitted(kind, classes=("a", "b", "c")), {"c": 3.0})
    assert targets.class_weights == (1.0, 1.0, 3.0)
    assert class_weights_text(targets) == "a 1, b 1, c 3"


@pytest.mark.parametrize("kind", ["binary", "multilabel", "multiclass"])
def test_numbers_come_back_from_json(kind):
    targets = weighted(fitted(kind, classes=("y", "z")), {"y": 2.5})
    assert Targets.from_json(json.loads(json.dumps(targets.to_json()))) == targets


def test_pairs_are_read_and_everything_else_refused():
    assert class_weights_of('"a,b=2", c = 0.5') == {"a,b": 2.0, "c": 0.5}
    assert class_weights_of("a=b=2") == {"a=b": 2.0}
    for text in ("", "heavy", "a=", "a=x", "a=0", "a=-1", "a=inf", "a=nan", "a=1,a=2", "=3", "balanced,a=2"):
        if text:
            with pytest.raises(ValueError, match="class_weights is balanced, or a positive number for each name"):
                class_weights_of(text)


def test_names_that_are_no_classes_are_refused():
    with pytest.raises(ConfigError, match="`class_weights` names 'x', but the classes are 'a', 'b'"):
        weighted(fitted("multiclass", classes=("a", "b")), {"x": 2.0})
    with pytest.raises(ConfigError, match=r"but the targets are 't0', .*'t7', …"):
        weighted(fitted("multilabel", tuple(f"t{i}" for i in range(20))), {"x": 2.0})
    with pytest.raises(ConfigError, match="class_weights requires class labels, not labels of kind regression"):
        weighted(fitted("regression"), {"x": 2.0})


def test_many_weights_are_shown_in_part():
    targets = weighted(fitted("multilabel", tuple(f"t{i}" for i in range(20))), {"t1": 2.0})
    assert class_weights_text(targets).endswith("t7 1 and 12 more")


def test_a_run_says_its_weights_and_the_probe_before_it_has_them(toy, tmp_path):
    settings = {"task": "flags", "training.epochs": 1.0, "training.probe_fallback": True}
    names = json.loads(
        (sma_core.finetune(toy, settings=settings, out=tmp_path / "plain").run / "model.json").read_text()
    )["targets"]["names"]
    text = ",".join(f"{name}=40" for name in names)
    run = sma_core.finetune(toy, settings=settings | {"class_weights": text}, out=tmp_path / "run")
    said = "class weights in the loss: label 1 of " + ", ".join(f"{name} 40" for name in names)
    assert said in result_lines(run)
    assert json.loads((run.run / "model.json").read_text())["targets"]["positive_weights"] == [40.0] * len(names)
    steps = [tmp_path / name / "metrics.jsonl" for name in ("plain", "run")]
    first = [json.loads(path.read_text().splitlines()[0]) for path in steps]
    assert first[0]["calibration_error"] < first[1]["calibration_error"]  # of the probe, step 0
    with pytest.raises(ConfigError, match="class_weights is balanced, or a positive number for each name"):
        sma_core.finetune(toy, settings=settings | {"class_weights": "heavy"})
