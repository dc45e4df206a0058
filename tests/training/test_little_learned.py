"""A pre-training that learned no more than frequencies says so."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import sma_core
from sma_core.data.batching.batches import Batch
from sma_core.training.little_learned import frequency_loss, little_learned


def batch(*rows):
    longest = max(map(len, rows))
    inputs = torch.zeros(len(rows), longest, dtype=torch.int64)
    mask = torch.zeros(len(rows), longest, dtype=torch.bool)
    for index, row in enumerate(rows):
        inputs[index, : len(row)] = torch.tensor(row)
        mask[index, : len(row)] = True
    return Batch(inputs, mask, None, np.arange(len(rows)))


def test_the_loss_of_frequencies_is_the_cross_entropy_of_the_counts():
    # ids 1, 2 of training: 3 and 1; both, and 5, are held out once more: 4, 2 and 1 of 7
    loss = frequency_loss([batch([1, 1], [1, 2])], [batch([1, 2, 5])])
    assert loss == pytest.approx(-(math.log(4 / 7) + math.log(2 / 7) + math.log(1 / 7)) / 3)
    numbers = Batch(torch.zeros(2, 3, 1), torch.ones(2, 3, dtype=torch.bool), None, np.arange(2))
    assert frequency_loss([numbers], [numbers]) is None


def test_a_loss_near_a_simple_guess_is_said():
    assert little_learned(0.9, 5.6, 2.9) == []
    (sentence,) = little_learned(2.89, 5.6, 2.9)
    assert "2.89, is not 1 % below the 2.9 that the frequencies of symbols alone give" in sentence
    (sentence,) = little_learned(0.999, 1.0, None)
    assert "below the 1 of the untrained network" in sentence
    assert little_learned(0.9, 1.0, None) == []
    assert little_learned(math.nan, 1.0, None) == []


def test_a_training_of_few_steps_says_that_it_has_learned_little(toy, numbers, tmp_path, run_sma):
    result = sma_core.train(
        toy, settings={"training.steps": 2, "training.learning_rate": 1e-6}, out=tmp_path / "a"
    )
    assert any("frequencies of symbols alone" in sentence for sentence in result.warnings)
    assert 0 < result.frequency_loss < result.held_out_random_last
    assert f"{result.frequency_loss:.4g}" in (tmp_path / "a" / "README.md").read_text()
    result = sma_core.train(
        numbers, settings={"training.steps": 2, "training.learning_rate": 1e-6}, out=tmp_path / "b"
    )
    assert any("of the untrained network" in sentence for sentence in result.warnings)
    assert result.frequency_loss is None
    printed = run_sma("train", "--domain", toy, "--set", "training.steps=2", "--out", "c")
    assert "(frequencies of symbols alone: " in printed.stdout
