"""What the paper argues, on molecules: guided masks hide what is harder to guess from the rest."""

from pathlib import Path

import pytest

from sma_core.training.metrics_file import read_metrics
from sma_core.verbs.train import train

STEPS = 600


def train_with(strategy: str, folder: Path) -> dict[str, float]:
    """Train the tiny recipe for a while and give the last held-out figures."""
    settings = {
        "masking.strategy": strategy,
        "training.steps": STEPS,
        "training.evaluate_every": STEPS,
        "training.checkpoint_every": STEPS,
    }
    run = train("chem", settings=settings, out=folder / strategy).run
    return [line for line in read_metrics(run / "metrics.jsonl") if "held_out_loss" in line][-1]


@pytest.mark.slow
def test_guided_masks_are_harder_to_fill_in_than_random_ones_at_equal_budget(tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    guided, random = (train_with(strategy, tmp_path) for strategy in ("guided", "random"))
    assert guided["held_out_loss"] > 1.02 * random["held_out_loss"]
    assert random["held_out_loss"] < 2.5, "the comparison means nothing before anything was learned"
    assert guided["mask_change"] > 0.1, "and nothing when the same mask comes every time"
