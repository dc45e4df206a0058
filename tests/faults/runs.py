"""A short training of the toy domain, which begins or goes on."""

from __future__ import annotations

import sma_core

SETTINGS = {
    "training.steps": 6,
    "training.checkpoint_every": 2,
    "training.evaluate_every": 3,
    "training.keep_last": 1,
    "training.accumulate": 2,
}


def begin_or_go_on(toy, run, settings=SETTINGS, data=None):
    return sma_core.train(toy, settings=settings, out=run, resume="auto", data=data).run
