"""A held-out loss that rises far above its lowest value is told, in training and at its end."""

from __future__ import annotations

import logging
import math

import pytest

import sma_core
from sma_core.training.rising_loss import rising_loss


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ([3.0, 2.0, 1.0], None),
        ([3.0, 2.0, 2.4], None),
        ([3.0, 2.0, math.nan, 2.6], "rose from 2 at step 1 to 2.6"),
        ([3.0, 2.0, math.nan], None),
        ([math.nan], None),
        ([], None),
        ([0.0, 1.0], None),
    ],
)
def test_the_last_loss_is_compared_with_the_lowest(losses, said):
    sentence = rising_loss(enumerate(losses))
    assert (
        (sentence is None) if said is None else (said in sentence and "lower training.learning_rate" in sentence)
    )


def test_a_learning_rate_that_is_far_too_high_is_told(toy, tmp_path, caplog):
    settings = {"training.steps": 40, "training.evaluate_every": 4, "training.warmup_steps": 20}
    settings |= {"training.learning_rate": 3.0, "training.clip_norm": 1.0}
    with caplog.at_level(logging.WARNING):
        result = sma_core.train(toy, settings=settings, out=tmp_path / "run")
    told = [record.message for record in caplog.records if "rose from" in record.message]
    assert len(told) == 1
    assert any("rose from" in sentence for sentence in result.warnings)
