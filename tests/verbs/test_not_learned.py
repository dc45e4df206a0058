"""Runs of which nothing is known, and vectors that are not numbers, are told where the result is read."""

import numpy as np
import pytest
import torch

import sma_core
from sma_core.errors import PluginError
from sma_core.evaluation.metric_set import beyond_range
from sma_core.training.nonfinite import nothing_learned


@pytest.mark.parametrize(("skipped", "steps", "told"), [(0, 100, 0), (2, 100, 0), (5, 100, 1), (3, 3, 1)])
def test_many_skipped_steps_are_told(skipped, steps, told):
    sentences = nothing_learned(skipped, steps, 0.5)
    assert len(sentences) == told
    assert all(sentence.startswith(f"{skipped} of {steps} steps were skipped") for sentence in sentences)


def test_a_held_out_loss_that_is_not_a_number_is_told():
    (sentence,) = nothing_learned(0, 10, float("nan"))
    assert sentence.startswith("the held-out loss is not a number")
    assert nothing_learned(0, 10, None) == []


def test_a_rounded_area_has_no_negative_weights():
    assert beyond_range({"pr_auc": 1.0000000000000002, "roc_auc": 1.0}) == []
    assert len(beyond_range({"pr_auc": 1.01})) == 1


def test_vectors_that_are_not_finite_are_told(toy, tmp_path, monkeypatch, caplog):
    run = sma_core.train(toy, settings={"training.steps": 1}, out=tmp_path / "run").run
    (tmp_path / "rows.txt").write_text("kato\nmire\n")
    from sma_core.models import vectors

    sma_core.embed(run, tmp_path / "rows.txt", tmp_path / "a.npy")
    assert "not finite" not in caplog.text
    mean = vectors.mean_latents
    monkeypatch.setattr(vectors, "mean_latents", lambda latents: mean(latents) * torch.tensor([[1.0], [np.nan]]))
    sma_core.embed(run, tmp_path / "rows.txt", tmp_path / "b.npy")
    assert "1 vector in" in caplog.text


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("text", "return 'words.txt'", "must return a pathlib.Path, not str"),
        ("nothing", "return None", "must return a pathlib.Path, not NoneType"),
        ("raising", "raise ValueError('boom')", "failed: ValueError: boom"),
    ],
)
def test_a_data_set_that_is_not_located_is_a_sentence(tmp_path, name, body, sentence):
    (tmp_path / f"located_{name}.py").write_text(
        "from sma_core.plugins import *\n"
        f"def words():\n    {body}\n"
        "@hookimpl\n"
        "def sma_domains():\n"
        "    return [Domain(name='own', summary='Own', tokenizer='bytes', reader='lines', dataset='words')]\n"
        "@hookimpl\n"
        "def sma_datasets():\n"
        f"    return [DataSet(name='words', summary='W', source='', licence='', locate='located_{name}:words')]\n"
    )
    with pytest.raises(PluginError, match=rf"locate of the data set 'words' of .* {sentence}"):
        sma_core.train(str(tmp_path / f"located_{name}.py"), settings={"training.steps": 1}, out=tmp_path / "run")
