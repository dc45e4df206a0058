"""A short training of the toy domain, and what of two such runs must be alike."""

from __future__ import annotations

import signal
from collections.abc import Callable

import torch
from safetensors.torch import load_file

import sma_core
from sma_core.plugins.events import StepLogged
from sma_core.training.metrics_file import read_metrics

SETTINGS = {
    "training.steps": 6,
    "training.checkpoint_every": 2,
    "training.evaluate_every": 3,
    "training.keep_last": 1,
    "training.accumulate": 2,
}


def weights(run, step):
    return load_file(run / "checkpoints" / f"step-{step:08d}" / "model.safetensors")


def latest_weights(run):
    return load_file(
        run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip() / "model.safetensors"
    )


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def curve(run):
    drop = {"time", "samples_per_second"}
    return [
        {name: value for name, value in line.items() if name not in drop}
        for line in read_metrics(run / "metrics.jsonl")
    ]


def begin_or_go_on(toy, run, settings=SETTINGS, data=None):
    return sma_core.train(toy, settings=settings, out=run, resume="auto", data=data).run


def stop_at(step: int, number: int = signal.SIGTERM) -> Callable[[object], None]:
    """Return an observer that sends this process a signal after a step."""

    def observe(event: object) -> None:
        if isinstance(event, StepLogged) and event.step == step:
            signal.raise_signal(number)

    return observe
