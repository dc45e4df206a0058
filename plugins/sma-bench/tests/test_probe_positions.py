"""Probes of labels of positions."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pytest

import sma_core
from sma_bench.probe import probe


def run_of(toy: str, tmp_path, encoder: str):
    settings = {"training.steps": 2, "model.encoder": encoder}
    return sma_core.train(toy, settings=settings, out=tmp_path / encoder).run


@pytest.mark.parametrize(("encoder", "depths"), [("cross-attention", [None]), ("self-attention", [0, None])])
def test_features_are_those_of_embed_at_labelled_positions(toy, tmp_path, monkeypatch, encoder, depths):
    from toy_domain.words import make_words

    run, module, seen = run_of(toy, tmp_path, encoder), import_module("sma_bench.probe"), []
    original = module.fit_probe

    def spy(*arguments):
        seen[:] = arguments[4:]
        return original(*arguments)

    monkeypatch.setattr(module, "fit_probe", spy)
    words = make_words(200, 2)  # as the task has them
    for layer in depths:
        result = probe(model=run, task="marks", layer=layer)
        assert (result.kind, result.metric) == ("per-position", "accuracy")
        assert result.positions == {name: len(part.labels) for name, part in zip(result.rows, seen, strict=True)}
        vectors = sma_core.load(run).embed_inputs(words, layer=layer)
        every = np.concatenate([row[: len(word)] for row, word in zip(vectors, words, strict=True)])
        apart = np.abs(seen[2].features[:40, None] - every[None]).max(axis=2)  # (test positions, all positions)
        assert apart.min(axis=1).max() < 1e-4
        letters = ["".join(words)[index] for index in apart.argmin(axis=1)]
        vowels = {
            letter in "aeiou" for letter, label in zip(letters, seen[2].labels[:40, 0], strict=True) if label
        }
        assert len(vowels) == 1
        assert sum(result.positions.values()) < len(every)  # the mask of the task leaves out positions
        if layer == 0:  # a position's first latent holds its letter, and the label is whether it is a vowel
            assert result.test["accuracy"] > 0.8


def test_characters_of_one_id_have_its_vector(toy, tmp_path, monkeypatch):
    module, seen = import_module("sma_bench.probe"), []
    original = module.fit_probe

    def spy(*arguments):
        seen[:] = arguments[4:]
        return original(*arguments)

    monkeypatch.setattr(module, "fit_probe", spy)
    settings = {"training.steps": 2, "model.encoder": "self-attention", "data.tokenizer": "syllables"}
    run = sma_core.train(toy, settings=settings, out=tmp_path / "run").run
    result = probe(model=run, task="marks", layer=0)
    features, labels = seen[2].features, seen[2].labels[:, 0]
    assert result.positions["test"] == len(features) == len(labels)
    equal = (features[1:] == features[:-1]).all(axis=1)
    assert 0.3 < equal.mean() < 0.7  # the second and third letters of syllables
    assert (labels[1:] != labels[:-1])[equal].any()
    assert result.test["accuracy"] < 0.8  # a vector cannot tell the letters of its syllable apart


def test_positions_are_drawn_for_training_and_all_are_scored(toy, monkeypatch):
    whole = probe(toy, random_weights=True, task="marks").positions
    monkeypatch.setattr(import_module("sma_bench.probe_features"), "MOST_POSITIONS", 60)
    few, again = (probe(toy, random_weights=True, task="marks").positions for _ in range(2))
    assert few == again
    assert 30 < few["train"] < 90
    assert few["test"] == whole["test"]
