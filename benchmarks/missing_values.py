"""Held-out losses of pre-training on toy events of which a share of the values is missing at random.

    python -m benchmarks.missing_values [--shares 0,0.5,0.9] [--rows 4000] [--steps 300] [--set NAME=VALUE]

The losses are means over known values that are hidden; 1 is the variance of the features, so a model that
predicts the mean has a loss of about 1 whatever is missing.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

import numpy as np

import sma_core
from sma_core.config.layers import flatten, parse_assignments


def main() -> None:
    """Train on each share of missing values and print a table of losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shares", default="0,0.5,0.9", help="shares of missing values")
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--set", action="append", default=[], help="a setting, such as model.missing_values=mean")
    options = parser.parse_args()
    logging.getLogger("sma").setLevel(logging.ERROR)
    settings = {"training.steps": options.steps, **dict(flatten(parse_assignments(options.set)))}
    print("| missing | held-out loss, own masks | under random masks |\n| ---: | ---: | ---: |")
    for share in map(float, options.shares.split(",")):
        own, random = losses(share, options.rows, settings)
        print(f"| {share:.0%} | {own:.3f} | {random:.3f} |", flush=True)


def losses(share: float, rows: int, settings: dict[str, object]) -> tuple[float, float]:
    """Return the last held-out losses: under the strategy's own masks, and under random ones."""
    from sma_physics.toy.events import generate

    events = np.concatenate([block.features for block in generate(rows)])
    events[np.random.default_rng(0).random(events.shape) < share] = np.nan
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.npy"
        np.save(path, events)
        limits = {"data.max_rejected": 1.0, "data.source": str(path)}
        result = sma_core.train("physics", settings=limits | settings, out=Path(folder) / "run")
        return result.held_out_last, result.held_out_random_last


if __name__ == "__main__":
    main()
