"""Guided masks of molecules hide what is harder to reconstruct than random positions (paper, section 3)."""

import pytest

from sma_core.training.reporting.metrics_file import read_metrics
from sma_core.verbs.train import train

STEPS = 400


@pytest.mark.full
def test_the_recipe_tiny_learns_and_its_own_masks_are_harder_than_random_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    settings = {"training.steps": STEPS, "training.evaluate_every": STEPS, "training.checkpoint_every": STEPS}
    run = train("chem", settings=settings, out=tmp_path / "run").run
    last = [line for line in read_metrics(run / "metrics.jsonl") if "held_out_loss" in line][-1]
    assert last["held_out_random_loss"] < 1.0
    assert last["held_out_loss"] > last["held_out_random_loss"]
    assert last["mask_change"] > 0.3  # a second draw hides other positions
