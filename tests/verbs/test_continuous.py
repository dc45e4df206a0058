"""The verbs on a domain whose rows are numbers: train, finetune, predict, and going on."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.data.scaling import FeatureScale
from sma_core.errors import CheckpointError, ConfigError, DataError, PluginError, StoppedOnRequest
from sma_core.verbs.train import plan_training
from tests.support.runs import latest_weights, same, stop_at, table

LONGER = {"training.epochs": 12.0}
FEATURES = ["height", "width", "depth", "weight", "noise"]


def model_facts(run: Path) -> dict:
    return json.loads((run / "model.json").read_text())


def test_training_on_numbers_learns_and_keeps_the_scale(numbers, tmp_path):
    steady = {"training.batch_size": 64, "training.learning_rate": 1e-3}  # any seed, in fp32 and in bf16
    settings = {"training.steps": 300, "masking.strategy": "random", **steady}
    result = sma_core.train(numbers, settings=settings, out=tmp_path / "run")
    assert result.held_out_random_last < result.held_out_random_first - 0.1
    assert result.rows == 600
    facts = model_facts(result.run)
    assert "tokenizer" not in facts
    scale = FeatureScale.from_json(facts["scale"])
    assert list(scale.columns) == FEATURES
    assert 400 < scale.mean[4] < 600
    assert 80 < scale.spread[4] < 120
    assert scale.mean[3] > 0  # -999 means missing and does not count


@pytest.mark.parametrize("extra", [{}, {"masking.anneal": "mix"}])
def test_a_run_stopped_and_resumed_ends_with_the_same_bits(numbers, tmp_path, extra):
    whole = sma_core.train(numbers, settings=extra, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(numbers, settings=extra, out=tmp_path / "cut", observers=[stop_at(6, signal.SIGINT)])
    cut = sma_core.train(resume=str(tmp_path / "cut")).run
    assert same(latest_weights(whole), latest_weights(cut))


def test_a_file_without_a_header_gives_the_same_run(numbers, tmp_path):
    runs = [sma_core.train(numbers, data=name, out=tmp_path / name).run for name in ("boxes", "bare")]
    assert model_facts(runs[0])["scale"] == model_facts(runs[1])["scale"]
    assert same(*map(latest_weights, runs))


def test_fine_tuning_takes_the_scale_of_the_pretrained_run(numbers, tmp_path):
    pretrained = sma_core.train(numbers, out=tmp_path / "pre").run
    tuned = sma_core.finetune(model=pretrained, out=tmp_path / "tuned").run
    assert model_facts(tuned)["scale"] == model_facts(pretrained)["scale"]
    fresh = sma_core.finetune(numbers, out=tmp_path / "fresh").run
    assert model_facts(fresh)["scale"] != model_facts(pretrained)["scale"]


def test_fine_tuning_stopped_and_resumed_ends_with_the_same_bits(numbers, tmp_path):
    whole = sma_core.finetune(numbers, out=tmp_path / "whole")
    with pytest.raises(StoppedOnRequest):
        sma_core.finetune(numbers, out=tmp_path / "cut", observers=[stop_at(40, signal.SIGINT)])
    cut = sma_core.finetune(resume=str(tmp_path / "cut"))
    assert same(latest_weights(whole.run), latest_weights(cut.run))
    assert whole.test == cut.test


@pytest.mark.parametrize(("task", "least"), [("heavy", 0.8), ("shape", 0.6)])
def test_fine_tuning_learns_from_numbers(numbers, tmp_path, task, least):
    result = sma_core.finetune(numbers, task=task, settings=LONGER, out=tmp_path / "run")
    assert result.test[result.metric] > least


def test_predict_gives_a_line_for_every_row_in_order(numbers, tmp_path):
    run = sma_core.finetune(numbers, task="volume", settings=LONGER, out=tmp_path / "run").run
    file = tmp_path / "new.csv"
    file.write_text(
        "id,noise,weight,depth,width,height\n"
        "a,500,60,8,8,8\nb,500,-999,8,8,8\nc,500,oops,8,8,8\nd,500,60\ne,,,,,\nf,500,1,1,1,1\n"
    )
    result = sma_core.predict(run, str(file), out=tmp_path / "out.csv")
    lines = table(tmp_path / "out.csv")
    assert list(lines[0]) == ["row", "volume", "reason"]
    assert [line["row"] for line in lines] == ["1", "2", "3", "4", "5", "6"]
    assert [line["reason"] for line in lines] == [
        "",
        "",
        "not a number: weight is 'oops'",
        "wrong number of columns: 3 instead of 6",
        "empty",
        "",
    ]
    assert float(lines[0]["volume"]) > float(lines[5]["volume"]) + 50
    assert (result.rows, result.unusable) == (6, 3)
    sma_core.predict(run, str(file), out=tmp_path / "kept.csv", identifier="id", keep=["noise"])
    lines = table(tmp_path / "kept.csv")
    assert list(lines[0]) == ["row", "id", "noise", "volume", "reason"]
    cells = [(line["id"], line["noise"]) for line in lines]
    assert cells == [("a", "500"), ("b", "500"), ("c", "500"), ("", ""), ("e", ""), ("f", "500")]


def test_predictions_do_not_depend_on_the_batch(numbers, tmp_path):
    model = sma_core.load(sma_core.finetune(numbers, out=tmp_path / "run").run)
    values = np.random.default_rng(0).normal(5, 2, (40, 5)).astype(np.float32)
    assert np.allclose(model.predict(values), model.predict(values, batch_tokens=1), rtol=1e-5, atol=1e-5)


def test_features_can_be_chosen(numbers, tmp_path):
    chosen = {"data.columns": ["width", "height"]}
    pretrained = sma_core.train(numbers, settings=chosen, out=tmp_path / "pre").run
    assert model_facts(pretrained)["scale"]["columns"] == ["width", "height"]
    tuned = sma_core.finetune(model=pretrained, out=tmp_path / "tuned").run
    assert model_facts(tuned)["scale"]["columns"] == ["width", "height"]
    with pytest.raises(
        ConfigError, match=r"has 'height' in the place of another feature: the model reads width, h"
    ):
        sma_core.finetune(model=pretrained, settings={"data.columns": ["height", "width"]}, out=tmp_path / "other")
    other = sma_core.finetune(model=pretrained, settings={"data.columns": ["depth", "height"]}, out=tmp_path / "b")
    assert any("with other names: depth as width" in sentence for sentence in other.warnings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"model.max_length": 4}, r"rows of 5 numbers, but model\.max_length is 4"),
        ({"data.packing": "concat"}, "packing must be single for rows of numbers"),
        ({"data.packing": "successors"}, "packing must be single for rows of numbers"),
        (
            {"data.reader": "csv"},
            "the reader 'csv' gives rows of text, but the domain 'toy-numbers' has rows of numb",
        ),
        ({"data.columns": ["height", "wdth"]}, "no column 'wdth'.*did you mean 'width'"),
        ({"data.columns": ["height", "shape"]}, "none of the .* rows .*not a number: shape is"),
    ],
)
def test_what_cannot_be_trained_on_gets_a_sentence(numbers, tmp_path, settings, sentence):
    with pytest.raises((ConfigError, DataError, PluginError), match=sentence):
        sma_core.train(numbers, settings=settings, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_domain_of_text_refuses_a_reader_of_numbers(toy, tmp_path):
    with pytest.raises(PluginError, match=r"the reader 'table' gives rows of numbers, but .* has rows of text"):
        sma_core.train(toy, settings={"data.reader": "table"}, out=tmp_path / "run")


def test_a_run_of_another_kind_of_rows_is_refused(numbers, tmp_path):
    run = sma_core.finetune(numbers, out=tmp_path / "run").run
    facts = model_facts(run)
    del facts["scale"]
    (run / "model.json").write_text(json.dumps(facts))
    with pytest.raises(CheckpointError, match="another kind of rows"):
        sma_core.predict(run, "boxes")


def test_labels_of_every_position_are_refused_for_numbers(numbers, tmp_path):
    with pytest.raises((ConfigError, DataError), match="need rows of text"):
        sma_core.finetune(numbers, task="shape", settings={"kind": "per-position"}, out=tmp_path / "run")


def test_a_dry_run_reads_no_rows(numbers, tmp_path):
    plan = plan_training(numbers)
    run = sma_core.train(numbers, out=tmp_path / "run").run
    weights = latest_weights(run)
    vector = weights.pop("embed.missing").numel()  # the weight of some boxes is missing
    assert plan.parameters == sum(tensor.numel() for tensor in weights.values())
    assert plan.notes[0].startswith(f"{vector} more parameters if training rows have missing values")
    without = sma_core.train(numbers, settings={"model.missing_values": "mean"}, out=tmp_path / "mean").run
    assert "embed.missing" not in latest_weights(without)


def test_missing_values_are_told_with_their_shares(numbers, tmp_path):
    result = sma_core.train(numbers, out=tmp_path / "run")
    (sentence,) = (warning for warning in result.warnings if "missing" in warning)
    assert sentence.startswith(
        "missing values in 1 of 5 features, which the model reads as missing (model.missing"
    )
    assert re.search(r"; share of the values in training rows: weight (9|1\d)(\.\d+)? %$", sentence)
    tuned = sma_core.finetune(numbers, model=result.run, out=tmp_path / "tuned")
    (own,) = (warning for warning in tuned.warnings if "missing" in warning)
    assert own.partition(": ")[0] == sentence.partition(": ")[0]
    assert re.search(r"; share of the values in training rows: weight (9|1\d)(\.\d+)? %$", own)
    assert own in (tuned.run / "README.md").read_text()
    mean = sma_core.train(numbers, settings={"model.missing_values": "mean"}, out=tmp_path / "mean")
    assert any("are replaced by the mean (model.missing_values=mean)" in warning for warning in mean.warnings)


def test_a_run_of_an_earlier_version_reads_missing_values_as_the_mean(numbers, tmp_path):
    run = sma_core.train(numbers, settings={"model.missing_values": "mean"}, out=tmp_path / "run").run
    values = np.array([[5.0, 5.0, 5.0, np.nan, 500.0]])
    vector = sma_core.load(run).embed(values)
    facts = model_facts(run)
    del facts["scale"]["missing_shares"]
    (run / "model.json").write_text(json.dumps(facts))
    config = (run / "config.toml").read_text()
    (run / "config.toml").write_text(config.replace('missing_values = "mean"\n', ""))
    assert np.array_equal(sma_core.load(run).embed(values), vector)
    tuned = sma_core.finetune(numbers, model=run, out=tmp_path / "tuned").run
    assert "embed.missing" not in latest_weights(tuned)


def test_own_files_of_other_formats_are_read_too(numbers, tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    values = np.random.default_rng(0).normal(0, 1, (80, 4))
    np.save(tmp_path / "a.npy", values)
    parquet.write_table(pa.table({f"x{at}": values[:, at] for at in range(4)}), tmp_path / "a.parquet")
    for name in ("a.npy", "a.parquet"):
        assert sma_core.train(numbers, data=str(tmp_path / name), out=tmp_path / f"run-{name}").rows == 80


def test_missing_values_that_pre_training_never_saw_are_warned_of(numbers, tmp_path):
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(200, 3)).round(3).tolist()
    complete = [f"{a},{b},{c},{a - b}" for a, b, c in rows]
    for name, lines in (
        ("complete.csv", complete),
        ("missing.csv", [line if n % 3 else f",{line.partition(',')[2]}" for n, line in enumerate(complete)]),
        ("sentinel.csv", [line if n % 3 else f"-999,{line.partition(',')[2]}" for n, line in enumerate(complete)]),
    ):
        (tmp_path / name).write_text("\n".join(["a,b,c,y", *lines]))
    few = {"training.steps": 2, "data.exclude": "y"}
    run = sma_core.train(numbers, data=tmp_path / "complete.csv", settings=few, out=tmp_path / "run").run
    tuning = {"training.epochs": 1.0, "targets": ["y"], "kind": "regression", "baselines": False}
    warned = {}
    for name in ("complete", "missing", "sentinel"):
        arguments = {"data": tmp_path / f"{name}.csv", "settings": tuning, "out": tmp_path / name}
        result = sma_core.finetune(numbers, model=run, **arguments)
        warned[name] = [sentence for sentence in result.warnings if "pre-training rows had none" in sentence]
    assert warned["complete"] == []
    assert len(warned["missing"]) == len(warned["sentinel"]) == 1
    assert warned["missing"][0].startswith("missing values in 1 of 3 features, which are read as the mean, since")
    assert re.search(r": a (2|3)\d(\.\d+)? %$", warned["missing"][0])
    arguments = {"data": tmp_path / "missing.csv", "settings": tuning, "out": tmp_path / "own"}
    alone = sma_core.finetune(numbers, **arguments)
    assert not any("pre-training" in sentence for sentence in alone.warnings)
