"""Values of explanations, on networks whose answer is known and on small trained ones."""

from __future__ import annotations

import csv
import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

import sma_core
from sma_core.errors import DataError, UserError
from sma_core.models.loaded_run import LoadedRun
from sma_view.explain.asker import Asker
from sma_view.explain.deletion import DeletionTest
from sma_view.explain.explain import explain
from sma_view.explain.explained_rows import ExplainedRow, Method, explained_rows
from sma_view.explain.occlusion import windows_of
from sma_view.explain.question import Question
from sma_view.explain.result import Collected, ExplainResult
from tests.support import explained_models as models

FEW = {"training.epochs": 1.0, "baselines": False}
WORDS = ["kato", "lanlandor", "mi", "requisulanvexka", "torelan", "kakakala", "xyz"]


@pytest.fixture
def words(toy, tmp_path):
    return sma_core.finetune(toy, settings=FEW, out=tmp_path / "words").run


@pytest.fixture
def boxes(numbers, tmp_path):
    return sma_core.finetune(numbers, task="volume", settings=FEW, out=tmp_path / "boxes").run


def methods():
    yield Method("occlusion")
    yield Method("gradient")
    if pytest.importorskip("captum"):
        yield Method("integrated-gradients", steps=3)


def explained(run, rows, method, tokens=64, test=None, **question):
    asker = Asker(run, Question.of(run, **question), tokens)
    (chunk,) = run.reading.chunks_of(rows)
    return list(explained_rows(asker, method, chunk, test or DeletionTest(0)))


@pytest.mark.parametrize("method", ["occlusion", "gradient", "integrated-gradients"])
def test_only_the_letter_that_counts_gets_a_value_in_the_unit_of_the_labels(words, method):
    if method == "integrated-gradients":
        pytest.importorskip("captum")
    run = models.counting(words)
    spread, mean = run.task_targets.spread[0], run.task_targets.mean[0]
    for row in explained(run, WORDS, Method(method, steps=3)):
        expected = [spread * (letter == "a") for letter in row.text] + [0.0]
        assert row.values == pytest.approx(expected, abs=1e-5)
        assert row.values[-1] == 0.0  # exactly: the separator
        assert row.prediction == pytest.approx(mean + spread * row.text.count("a"), abs=1e-4)
        assert row.explained.tolist() == [True] * len(row.text) + [False]
        assert row.gap is None or abs(row.gap) < 1e-5


def test_a_window_shares_its_change_and_the_rows_of_a_batch_do_not_matter(words):
    run = models.counting(words)
    spread = run.task_targets.spread[0]
    (row,) = explained(run, ["kakaxyz"], Method("occlusion", window=2))
    assert row.values == pytest.approx([spread / 2] * 4 + [0.0] * 4, abs=1e-5)
    alone = [explained(run, [word], Method("occlusion"), tokens=1)[0].values for word in WORDS]
    together = [row.values for row in explained(run, WORDS, Method("occlusion"), tokens=4096)]
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_windows_on_a_grid_are_squares():
    explained = torch.ones(1, 12, dtype=torch.bool)
    explained[0, 5] = False
    assert windows_of(explained, 2, (3, 4)).tolist() == [[0, 0, 1, 1, 0, -1, 1, 1, 2, 2, 3, 3]]
    assert windows_of(explained, 2).tolist() == [[0, 0, 1, 1, 2, -1, 2, 3, 3, 4, 4, 5]]


@pytest.mark.parametrize("method", ["occlusion", "gradient", "integrated-gradients"])
def test_features_have_their_share_and_missing_ones_exactly_nothing(boxes, method):
    if method == "integrated-gradients":
        pytest.importorskip("captum")
    shares = [0.0, 3.0, 0.0, -1.0, 0.0]
    run = models.weighing(boxes, shares)
    rows = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, math.nan, 3.0, 40.0, 5.0]], dtype=np.float32)
    whole, lacking = explained(run, rows, Method(method, steps=3))
    scaled = run.feed.known_scale(rows) * shares * run.task_targets.spread[0]
    assert whole.values == pytest.approx(scaled[0], rel=1e-4, abs=1e-5)
    assert lacking.values == pytest.approx(np.nan_to_num(scaled[1]), rel=1e-4, abs=1e-5)
    assert lacking.values[1] == 0.0
    assert lacking.explained.tolist() == [True, False, True, True, True]
    assert lacking.symbols[1] == "width"


TRAINED = [("toy", "self-attention"), ("toy", "cross-attention"), ("toy-numbers", "self-attention")]


@pytest.mark.parametrize(("domain", "encoder"), TRAINED)
def test_integrated_gradients_of_a_trained_network_are_complete(numbers, tmp_path, domain, encoder):
    pytest.importorskip("captum")
    settings = FEW | {"model.encoder": encoder}
    run = sma_core.load(sma_core.finetune(domain, settings=settings, out=tmp_path / "run").run, device="cpu")
    run.module.requires_grad_(False)
    rows = WORDS if domain == "toy" else np.random.default_rng(0).normal(5, 3, (6, 5)).astype(np.float32)
    few, many = (explained(run, rows, Method("integrated-gradients", steps=steps)) for steps in (1, 200))
    sizes = [max(abs(row.gap) for row in found) for found in (few, many)]
    assert sizes[1] < 1e-3 * max(abs(row.values).sum() for row in many)
    assert sizes[1] < sizes[0]
    for row in many:
        assert row.values[~row.explained] == pytest.approx(0.0, abs=0.0)


def test_a_large_gap_is_a_warning():
    collected = Collected(0)
    row = ExplainedRow(1, "", "", values=np.array([1.0, -0.5]), gap=0.5)
    collected.add(row)
    assert (collected.gap, collected.gap_share) == (0.5, 0.5)
    facts = dict.fromkeys([field.name for field in fields(ExplainResult)])
    result = ExplainResult(**facts | {"gap": 0.5, "gap_share": 0.5})
    assert result.is_incomplete
    assert "50.0% of the change that the values explain: use more steps" in result.completeness
    assert not replace(result, gap_share=0.01).is_incomplete
    assert replace(result, gap=None).completeness == ""


def test_the_feature_that_decides_the_label_is_found_by_every_method(numbers, tmp_path):
    draw = np.random.default_rng(1)
    with (tmp_path / "boxes.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["height", "width", "depth", "weight", "noise", "label"])
        for values in draw.normal(size=(400, 5)).round(3).tolist():
            writer.writerow([*values, round(2 * values[1], 3)])
    settings = FEW | {"targets": ["label"], "kind": "regression", "training.epochs": 12.0}
    run = sma_core.finetune(numbers, data=tmp_path / "boxes.csv", settings=settings, out=tmp_path / "run").run
    for method in methods():
        out = tmp_path / f"{method.name}.csv"
        result = explain(run, tmp_path / "boxes.csv", method=method.name, rows=60, out=out)
        assert result.deletion.better, result.deletion.sentence
        assert result.unit == "the unit of label"
        with out.open() as file:
            values = np.array([float(line["value"]) for line in csv.DictReader(file)]).reshape(60, 5)
        assert np.median(abs(values[:, 1])) > 3 * np.median(abs(values[:, [0, 2, 3, 4]]))


def many_words():
    draw = np.random.default_rng(0)
    return ["".join(draw.choice(list("aaxyzuvw"), size=12)) for _ in range(60)]


def test_what_decides_is_better_than_random_order_and_shuffled_values_are_not(words):
    run = models.counting(words)
    asker, test = Asker(run, Question.of(run), 4096), DeletionTest(60)
    (chunk,) = run.reading.chunks_of(many_words())
    list(explained_rows(asker, Method("occlusion"), chunk, test))
    good = test.result()
    assert (good.rows, good.better) == (60, True)
    assert good.low > 0
    assert "better than random order" in good.sentence
    shuffled, generator = DeletionTest(60), torch.Generator().manual_seed(0)
    for places, batch in run.batches(chunk, 4096):
        asked = asker.ask(batch)
        values = torch.rand(asked.explained.shape, generator=generator)
        numbers = [chunk.numbers[place] for place in places]
        shuffled.add(asker, asked, values, numbers, torch.ones(len(asked), dtype=torch.bool))
    bad = shuffled.result()
    assert (bad.rows, bad.better) == (60, False)
    assert bad.low < 0 < bad.high
    assert "no better than random order, so do not trust it" in bad.sentence


def test_values_that_cancel_are_better_than_random_order_if_they_are_right(boxes):
    run = models.weighing(boxes, [1.0, 1.0, 1.0, 1.0, 1.0])
    asker, test = Asker(run, Question.of(run), 4096), DeletionTest(60)
    scale = run.feed.known_scale
    standard = np.tile([3.0, -3.0, 0.1, -0.1, 0.1], (60, 1)) + np.random.default_rng(0).normal(0, 0.01, (60, 5))
    rows = (standard * np.array(scale.spread) + np.array(scale.mean)).astype(np.float32)
    (chunk,) = run.reading.chunks_of(rows)
    list(explained_rows(asker, Method("occlusion"), chunk, test))
    result = test.result()
    assert result.better
    assert min(result.raising, result.lowering) > 0
    assert result.raising_first[4] < result.at_random[4] < result.lowering_first[2]


def test_values_that_name_what_matters_last_are_worse_and_few_rows_have_no_verdict(words):
    run = models.counting(words)
    asker = Asker(run, Question.of(run), 4096)
    (chunk,) = run.reading.chunks_of(many_words())
    wrong = DeletionTest(60)
    for places, batch in run.batches(chunk, 4096):
        asked = asker.ask(batch)
        is_letter = asked.inputs == run.feed.tokenizer.encode(["a"]).values[0]
        numbers = [chunk.numbers[place] for place in places]
        wrong.add(asker, asked, (~is_letter).float(), numbers, torch.ones(len(asked), dtype=torch.bool))
    assert "worse than random order" in wrong.result().sentence
    few = DeletionTest(5)
    list(explained_rows(asker, Method("occlusion"), chunk, few))
    assert few.result().rows == 5
    assert "too few rows" in few.result().sentence
    assert not few.result().better
    assert DeletionTest(5).result().rows == 0


@pytest.mark.parametrize(("task", "label"), [("shape", None), ("shape", "named"), ("heavy", None)])
def test_classes_are_explained_in_log_odds(numbers, tmp_path, task, label):
    run = sma_core.load(sma_core.finetune(numbers, task=task, settings=FEW, out=tmp_path / task).run, device="cpu")
    rows = np.random.default_rng(0).normal(5, 3, (6, 5)).astype(np.float32)
    probabilities = run.predict(rows)
    named = run.classes[-1] if label else None
    for row, chances in zip(explained(run, rows, Method("gradient"), label=named), probabilities, strict=True):
        chance = chances.max() if task == "shape" and named is None else chances[-1]
        assert row.prediction == pytest.approx(math.log(chance / (1 - chance)), abs=1e-3)
        assert row.label == (named or (run.classes[int(chances.argmax())] if task == "shape" else "1"))


def test_a_row_of_one_input_is_not_explained_by_hiding_it(boxes):
    run = replace(models.weighing(boxes, [1.0] * 5))
    rows = np.array([[1.0, math.nan, math.nan, math.nan, math.nan]], dtype=np.float32)
    (row,) = explained(run, rows, Method("occlusion"))
    assert row.values is not None  # missing features are still read, as missing
    (row,) = explained(run, np.ones((1, 5), dtype=np.float32), Method("occlusion", window=5))
    assert row.values is None
    assert "leave nothing to predict from" in row.remark


@pytest.fixture
def marked(toy, tmp_path):
    return sma_core.finetune(toy, task="marks", settings=FEW, out=tmp_path / "marked").run


@pytest.mark.parametrize("method", ["occlusion", "gradient"])
def test_the_class_of_a_position_is_explained(marked, method):
    run = LoadedRun.load(marked)
    rows = explained(run, WORDS, Method(method), position=3)
    alone = {row.text: row for row in rows}
    assert [row.remark for row in rows if len(row.text) < 3] == ["it has no position 3"]
    for word in (word for word in WORDS if len(word) >= 3):
        (chunk,) = run.reading.chunks_of([word])
        ((_, batch),) = run.batches(chunk, 64)
        logits = run.module(batch.inputs, batch.padding_mask)[0, 2].detach()
        own = int(logits.argmax())
        others = torch.cat([logits[:own], logits[own + 1 :]])
        expected = float(logits[own] - others.logsumexp(0))
        assert alone[word].prediction == pytest.approx(expected, abs=1e-4)
        assert alone[word].label == run.task_targets.classes[own]
        assert len(alone[word].values) == len(word) + 1
    if method == "occlusion":
        (chunk,) = run.reading.chunks_of(["torelan"])
        ((_, batch),) = run.batches(chunk, 64)
        hidden = batch.padding_mask.clone()
        hidden[0, 4] = False
        question = Question.of(run, position=3, label=alone["torelan"].label)
        outputs = run.module(batch.inputs, hidden)
        change = alone["torelan"].prediction - float(question.scores(outputs, question.labels(outputs))[0])
        assert alone["torelan"].values[4] == pytest.approx(change, abs=1e-4)


def test_a_position_is_named_for_labels_of_positions_alone(marked, words, tmp_path):
    (tmp_path / "rows.txt").write_text("torelan\nmi\n")
    with pytest.raises(UserError, match="name the one to explain with `position`, from 1"):
        explain(marked, tmp_path / "rows.txt")
    with pytest.raises(UserError, match="predicts whole rows, not positions: omit `position`"):
        explain(words, tmp_path / "rows.txt", position=1)
    with pytest.raises(UserError, match="positions are counted from 1"):
        explain(marked, tmp_path / "rows.txt", position=0)
    result = explain(marked, tmp_path / "rows.txt", position=3, deletion_rows=5, out=tmp_path / "page.html")
    assert result.unit.endswith("= the most probable class at position 3")
    explain(marked, tmp_path / "rows.txt", position=3, deletion_rows=0, out=tmp_path / "table.csv")
    assert next(csv.DictReader((tmp_path / "table.csv").open()))["explained_position"] == "3"
    assert (result.rows, result.unusable, result.deletion.rows) == (2, 1, 1)
    with pytest.raises(DataError, match="row 1: it has no position 99"):
        explain(marked, tmp_path / "rows.txt", position=99)
