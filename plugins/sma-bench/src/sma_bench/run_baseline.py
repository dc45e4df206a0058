"""A baseline's cell of a suite: the task's rows, divided as for fine-tuning, given to a function of a plugin."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sma_core.sources.feeds import begin_feed

from sma_bench.baselines import Baseline, BaselineRows
from sma_core.errors import PluginError
from sma_core.evaluation.metrics import compute_metrics
from sma_core.labels.labelled_rows import LabelledRows, read_labelled
from sma_core.plugins.references import resolve
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings


def run_baseline(
    registry: Registry, function: str, recipe: str, task: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the baseline's figures on validation and test, in the form of a fine-tuning's ``results.json``.

    The function never sees a test label. Raises `PluginError` when it cannot be imported, fails, or gives
    predictions of another shape.
    """
    began = time.monotonic()
    config = finetune_settings(registry, Request(recipe, None, {**settings, "task": task})).config
    rows = read_labelled(registry, config, begin_feed(registry, config.data))
    baseline: Baseline = resolve(function, f"the suite's baseline for {task!r}")
    given = _given(rows, config.split.seed)
    try:
        predictions = np.asarray(baseline(given), dtype=np.float64)
    except ImportError as error:
        raise PluginError(f"the baseline {function!r} needs a package that is not here: {error}") from error
    width = len(rows.classes) if rows.classes else given.labels.shape[1]
    if predictions.shape != (len(given.inputs), width):
        raise PluginError(
            f"the baseline {function!r} must give {len(given.inputs)} x {width} predictions, not "
            f"{' x '.join(map(str, predictions.shape))}"
        )
    return {
        "baseline": function,
        "task": rows.label,
        "metric": rows.metric,
        "rows": rows.sizes(),
        "split": rows.split,
        "valid": _figures(rows, predictions, rows.parts["valid"]),
        "test": _figures(rows, predictions, rows.parts["test"]),
        "seconds": time.monotonic() - began,
    }


def _given(rows: LabelledRows, seed: int) -> BaselineRows:
    """Take the rows as the function sees them: the labels of test rows, and of rows in no part, are hidden."""
    store, parts = rows.store, rows.parts
    labels = np.full((len(store), len(rows.targets)), np.nan)
    for part in ("train", "valid"):
        labels[parts[part]] = rows.labels(part)
    inputs: list[str] | NDArray[np.float32] = (
        store.texts if rows.feed.scale is None else store.values(np.arange(len(store)))
    )
    return BaselineRows(inputs, labels, rows.kind, rows.classes, parts["train"], parts["valid"], seed)


def _figures(rows: LabelledRows, predictions: NDArray[np.float64], part: NDArray[np.int64]) -> dict[str, float]:
    assert rows.store.targets is not None, "a store that was read with labels has them"
    return compute_metrics(rows.kind, rows.store.targets[part].astype(np.float64), predictions[part])
