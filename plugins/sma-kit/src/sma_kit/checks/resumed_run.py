"""Weights of two short runs of `train`, one of them stopped halfway and resumed."""

from __future__ import annotations

import contextlib
import csv
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sma_core.plugins.discovery import PluginPolicy

STEPS, STOP = 4, 2
SETTINGS: dict[str, Any] = {
    "training.steps": STEPS,
    "training.checkpoint_every": STOP,
    "training.evaluate_every": STEPS,
    "training.batch_size": 8,
    "training.device": "cpu",
    "training.precision": "fp32",
    "training.compile": False,
    "data.held_out": 0.2,
    "data.max_rejected": 1.0,
    "data.processes": 1,
}


def write_rows(folder: Path, texts: list[str], values: object) -> dict[str, Any]:
    """Write rows in a built-in format and return the settings that read them.

    ``values`` (n, F) are rows of numbers; None: the rows are ``texts``.
    """
    import numpy as np

    if values is not None:
        np.save(folder / "rows.npy", np.asarray(values))
        return {"data.source": str(folder / "rows.npy"), "data.reader": "npy"}
    with (folder / "rows.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([["text"], *([text] for text in texts)])
    return {"data.source": str(folder / "rows.csv"), "data.reader": "csv", "data.column": "text"}


def weights_of_runs(
    domain: str, data: dict[str, Any], policy: PluginPolicy, folder: Path
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the weights of an uninterrupted run and of a stopped and resumed run.

    Each prepares the rows for itself. Raises what `sma_core.verbs.train.train` does.
    """
    from sma_core.checkpoints.store import CheckpointStore
    from sma_core.errors import StoppedOnRequest
    from sma_core.plugins.events import CheckpointSaved, Event
    from sma_core.sources.data_sets import cache_in
    from sma_core.verbs.train import train

    def stop(event: Event) -> None:
        if isinstance(event, CheckpointSaved) and event.step == STOP:
            signal.raise_signal(signal.SIGTERM)

    settings = SETTINGS | data
    with cache_in(folder / "first"):
        train(domain, recipe="tiny", settings=settings, out=folder / "whole", policy=policy)
    with cache_in(folder / "second"):
        with contextlib.suppress(StoppedOnRequest):
            train(domain, recipe="tiny", settings=settings, out=folder / "cut", observers=[stop], policy=policy)
        train(resume=str(folder / "cut"), policy=policy)
    weights = [CheckpointStore(folder / name / "checkpoints").read(STEPS).model() for name in ("whole", "cut")]
    return weights[0], weights[1]
