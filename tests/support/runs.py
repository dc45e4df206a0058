"""What tests look at in a run folder, and how they stop a training."""

from __future__ import annotations

import csv
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from sma_core.plugins.events import StepLogged
from sma_core.training.reporting.metrics_file import read_metrics

Weights = dict[str, torch.Tensor]


def weights(run: Path, step: int) -> Weights:
    """Return the model of the checkpoint of a step."""
    return load_file(run / "checkpoints" / f"step-{step:08d}" / "model.safetensors")


def latest_weights(run: Path) -> Weights:
    """Return the model of the latest checkpoint."""
    latest = (run / "checkpoints" / "latest").read_text().strip()
    return load_file(run / "checkpoints" / latest / "model.safetensors")


def same(first: Weights, second: Weights) -> bool:
    """Whether two models have the same bits."""
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def curve(run: Path) -> list[dict[str, Any]]:
    """Return what a run logged, but for times."""
    drop = {"time", "samples_per_second"}
    return [
        {name: value for name, value in line.items() if name not in drop}
        for line in read_metrics(run / "metrics.jsonl")
    ]


def stop_at(step: int, number: int = signal.SIGTERM) -> Callable[[object], None]:
    """Return an observer that sends this process a signal after a step."""

    def observe(event: object) -> None:
        if isinstance(event, StepLogged) and event.step == step:
            signal.raise_signal(number)

    return observe


def table(path: Path) -> list[dict[str, str]]:
    """Return the lines of a csv file by the names of its columns."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
