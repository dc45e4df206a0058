"""The commands on rows that are sequences of vectors of different lengths."""

from __future__ import annotations

import json
import logging
import signal

import numpy as np
import pytest

import sma_core
from sma_core.errors import DataError, StoppedOnRequest
from sma_core.verbs.train import plan_training
from tests.support.runs import latest_weights, same, stop_at, table

NAMES = {"data.names": ["a", "b", "c"], "model.max_length": 16}
SELF = {"model.encoder": "self-attention", "model.latent_width": 16}
STEPS = NAMES | {"training.steps": 8}
EPOCHS = NAMES | {"training.epochs": 6.0, "baselines": False, "training.learning_rate": 3e-3}


def waves(count=160, longest=14, seed=0):
    """Return waves of two frequencies and means in two channels, noise in the third, and the labels."""
    draw = np.random.default_rng(seed)
    kinds, lengths = draw.integers(0, 2, count), draw.integers(5, longest + 1, count)
    listed = []
    for kind, length in zip(kinds.tolist(), lengths.tolist(), strict=True):
        phase = (0.3 + 0.7 * kind) * np.arange(length) + draw.uniform(0, 6)
        listed.append(np.stack([10 * np.sin(phase), np.cos(phase) + 5 * kind, draw.normal(size=length)], axis=1))
    return [row.astype(np.float32) for row in listed], kinds


def write(path, listed, kinds, longest=14):
    array = np.full((len(listed), longest, 3), np.nan, dtype=np.float32)
    for row, values in zip(array, listed, strict=True):
        row[: len(values)] = values
    np.savez(path, rows=array, kind=kinds, code=np.arange(1000, 1000 + len(listed)))


@pytest.fixture
def data(tmp_path):
    write(tmp_path / "waves.npz", *waves())
    return tmp_path / "waves.npz"


def test_pictures_of_bytes_are_stored_as_bytes_and_train_as_numbers_do(numbers, tmp_path, monkeypatch):
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 256, (60, 16, 3)).astype(np.uint8)
    weights, sizes = [], []
    for dtype in (np.uint8, np.float32):
        name = np.dtype(dtype).name
        monkeypatch.setenv("SMA_CACHE", str(tmp_path / f"cache {name}"))
        np.savez(tmp_path / f"{name}.npz", rows=pictures.astype(dtype), kind=np.arange(60) % 2)
        settings = STEPS | {"model.positions": "axes", "model.grid": [4, 4]}
        run = sma_core.train(numbers, data=tmp_path / f"{name}.npz", settings=settings, out=tmp_path / name).run
        weights.append(latest_weights(run))
        sizes.append(sum(path.stat().st_size for path in (tmp_path / f"cache {name}").rglob("*.arrow")))
        vectors = sma_core.load(run).embed([picture.astype(np.float32) for picture in pictures[:2]])
        out = sma_core.embed(run, tmp_path / f"{name}.npz", out=tmp_path / f"{name}.npy").out
        np.testing.assert_allclose(np.load(out)[:2], vectors, atol=1e-5)
        tuning = {
            "training.epochs": 1.0,
            "targets": ["kind"],
            "kind": "regression",
            "data.names": NAMES["data.names"],
        }
        data = tmp_path / f"{name}.npz"
        sma_core.finetune(model=run, data=data, settings=tuning, out=tmp_path / f"tuned {name}")
    assert same(*weights)
    assert sizes[1] - sizes[0] == pytest.approx(3 * pictures.size, rel=0.1)


def test_training_reads_them_and_resumes_with_the_same_bits(numbers, data, tmp_path):
    whole = sma_core.train(numbers, data=data, settings=STEPS, out=tmp_path / "whole").run
    record = json.loads((whole / "model.json").read_text())
    assert record["sequences"] is True
    assert record["scale"]["columns"] == ["a", "b", "c"]
    values = np.concatenate(waves()[0])
    np.testing.assert_allclose(record["scale"]["mean"], values.mean(axis=0), atol=0.2)
    run = sma_core.load(whole)
    assert run.module.embed.projection.in_features == 3
    assert run.module.decoder.output.out_features == 3
    with pytest.raises(StoppedOnRequest):
        sma_core.train(
            numbers, data=data, settings=STEPS, out=tmp_path / "cut", observers=[stop_at(4, signal.SIGINT)]
        )
    assert same(latest_weights(whole), latest_weights(sma_core.train(resume=str(tmp_path / "cut")).run))


def test_a_dry_run_counts_the_parameters_of_all_channels(numbers, data, tmp_path, run_sma):
    result = sma_core.train(numbers, data=data, settings=STEPS, out=tmp_path / "run")
    parameters = sum(tensor.numel() for tensor in latest_weights(result.run).values())
    assert plan_training(numbers, settings=STEPS | {"data.source": str(data)}).parameters == parameters


def test_a_model_learns_from_them_and_file_and_memory_agree(numbers, data, tmp_path):
    start = sma_core.train(numbers, data=data, settings=STEPS, out=tmp_path / "pre").run
    result = sma_core.finetune(
        model=start, data=data, settings=EPOCHS | {"targets": ["kind"]}, out=tmp_path / "tuned"
    )
    assert result.test["roc_auc"] > 0.8
    listed, _ = waves()
    run = sma_core.load(result.run)
    values = run.predict(listed)
    assert values.shape == (160, 1)
    np.testing.assert_allclose(run.predict(listed, batch_tokens=16), values, atol=1e-5)
    np.testing.assert_allclose(run.predict(iter(listed[:3])), values[:3], atol=1e-5)
    sma_core.predict(result.run, data, out=tmp_path / "out.csv", identifier="code", keep=["kind"])
    lines = table(tmp_path / "out.csv")
    assert list(lines[0]) == ["row", "code", "kind:file", "kind", "reason"]
    np.testing.assert_allclose([float(line["kind"]) for line in lines], values[:, 0], rtol=1e-5)


def test_predictions_name_the_rows_that_cannot_be_read(numbers, data, tmp_path):
    settings = EPOCHS | {"targets": ["kind"], "training.epochs": 1.0, "model.max_length": 8}
    run = sma_core.finetune(numbers, data=data, settings=settings, out=tmp_path / "run")
    listed, kinds = waves()
    long_rows = sum(len(row) > 8 for row in listed)
    assert run.truncated == long_rows
    assert any("longer than model.max_length (8)" in sentence for sentence in run.warnings)
    listed[1][:] = np.nan
    listed[2][0, 1] = np.inf
    write(tmp_path / "new.npz", listed, kinds)
    sma_core.predict(run.run, tmp_path / "new.npz", out=tmp_path / "out.csv", identifier="code")
    lines = table(tmp_path / "out.csv")
    assert [line["code"] for line in lines[:4]] == ["1000", "1001", "1002", "1003"]
    assert [line["reason"] for line in lines[1:3]] == [
        "empty",
        "not a finite float32 number: b of position 1 is inf",
    ]
    assert [bool(line["kind"]) for line in lines[:4]] == [True, False, False, True]
    shortened = {number for number, line in enumerate(lines) if line["reason"].startswith("truncated to 8 of ")}
    assert shortened == {number for number, row in enumerate(listed) if len(row) > 8 and number not in (1, 2)}
    loaded = sma_core.load(run.run)
    in_memory = loaded.predict(listed)[:, 0]
    assert np.isnan(in_memory[[1, 2]]).all()
    usable = [number for number, line in enumerate(lines) if line["kind"]]
    np.testing.assert_allclose(in_memory[usable], [float(lines[number]["kind"]) for number in usable], rtol=1e-5)


def test_long_rows_in_memory_are_a_logged_warning(numbers, data, tmp_path, caplog):
    settings = STEPS | {"model.max_length": 8}
    run = sma_core.load(sma_core.train(numbers, data=data, settings=settings, out=tmp_path / "run").run)
    row = waves()[0][0][:5]
    with caplog.at_level(logging.WARNING, "sma"):
        vectors = run.embed([row, np.tile(row, (2, 1))])
    assert "1 of 2 rows (50 %) are longer than model.max_length (8)" in caplog.text
    assert np.isfinite(vectors).all()
    positions = run.embed_inputs([row, np.tile(row, (2, 1))[:8]])
    assert [len(vectors) for vectors in positions] == [5, 8]


def test_long_sequences_are_read_in_windows(numbers, data, tmp_path):
    settings = EPOCHS | {"targets": ["kind"], "training.epochs": 1.0, "model.max_length": 6, **SELF}
    run = sma_core.load(sma_core.finetune(numbers, data=data, settings=settings, out=tmp_path / "run").run)
    row = np.concatenate(waves()[0][:2])[:13]  # windows of 6 at the positions 0, 4 and 7, which share 2 and 3
    parts = [row[:6], row[4:10], row[7:13]]
    windowed = run.with_windows(2)
    np.testing.assert_allclose(windowed.predict([row, row[:6]])[0], run.predict(parts).mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(windowed.predict([row, row[:6]])[1], run.predict(parts)[0], rtol=1e-5)
    vectors = run.embed_inputs(parts)
    by_hand = np.concatenate([vectors[0][:5], vectors[1][1:4], vectors[2][1:]])
    np.testing.assert_allclose(windowed.embed_inputs([row])[0], by_hand, rtol=1e-4, atol=1e-6)
    write(tmp_path / "long.npz", [row, row[:3]], np.array([0, 1]))
    sma_core.predict(run.path, tmp_path / "long.npz", out=tmp_path / "out.csv", window_overlap=2)
    lines = table(tmp_path / "out.csv")
    assert [line["reason"] for line in lines] == ["read in 3 windows", ""]
    assert float(lines[0]["kind"]) == pytest.approx(float(run.predict(parts).mean()), rel=1e-5)


def test_what_does_not_fit_the_model_is_one_sentence(numbers, data, tmp_path):
    run = sma_core.load(sma_core.train(numbers, data=data, settings=STEPS, out=tmp_path / "run").run)
    np.save(tmp_path / "table.npy", np.zeros((5, 3), dtype=np.float32))
    with pytest.raises(DataError, match="has rows of 3 numbers, but the model reads sequences of such vectors"):
        sma_core.embed(run.path, tmp_path / "table.npy", tmp_path / "out.npy")
    with pytest.raises(DataError, match=r"sequences of 3 channels \(a, b, c\), but row 2 has the shape \(4, 2\)"):
        run.embed([np.zeros((4, 3)), np.zeros((4, 2))])
    with pytest.raises(DataError, match="row 1 must be an array of numbers"):
        run.embed(["abc"])
    plain = sma_core.load(sma_core.train(numbers, settings={"training.steps": 1}, out=tmp_path / "plain").run)
    names = {"data.names": list(plain.features)}
    np.savez(tmp_path / "five.npz", rows=np.ones((6, 4, 5), dtype=np.float32), y=np.arange(6) % 2)
    with pytest.raises(DataError, match="has sequences of vectors, but the model reads rows of 5 numbers"):
        sma_core.finetune(
            model=plain.path, data=tmp_path / "five.npz", settings=names | {"targets": ["y"]}, out=tmp_path / "x"
        )


def test_a_channel_that_tells_the_label_is_warned_of(numbers, tmp_path):
    listed, kinds = waves(80)
    for row, kind in zip(listed, kinds.tolist(), strict=True):
        row[:, 2] = kind + 0.001 * row[:, 2]
    write(tmp_path / "leak.npz", listed, kinds)
    settings = EPOCHS | {"training.epochs": 1.0, "targets": ["kind"]}
    result = sma_core.finetune(numbers, data=tmp_path / "leak.npz", settings=settings, out=tmp_path / "run")
    (warning,) = [sentence for sentence in result.warnings if "almost perfectly" in sentence]
    assert "'c' of 'kind' (ROC-AUC 1.0000)" in warning


def test_equal_sequences_over_a_split_are_said(numbers, tmp_path):
    listed, kinds = waves(60)
    write(tmp_path / "twice.npz", [*listed, *listed], np.concatenate([kinds, kinds]))
    settings = EPOCHS | {"training.epochs": 1.0, "targets": ["kind"]}
    result = sma_core.finetune(numbers, data=tmp_path / "twice.npz", settings=settings, out=tmp_path / "run")
    assert any("are equal to a training row" in sentence for sentence in result.warnings)
