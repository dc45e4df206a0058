"""Run a baseline of a suite: a plugin's function that predicts a task's rows, split as for fine-tuning."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_bench.baselines import Baseline, BaselineRows
from sma_core.errors import PluginError
from sma_core.evaluation.splits import Part
from sma_core.feeds.feed import new_feed
from sma_core.labels.labelled_rows import LabelledRows, read_labelled
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings


def run_baseline(
    registry: Registry, function: str, recipe: str, task: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the baseline's metrics on validation and test, in the format of a fine-tuning's ``results.json``.

    The function receives no test labels. It chooses its settings on validation rows, also when the suite's
    ``split.protocol`` is ``authors``. Raises `PluginError` when it cannot be imported, fails, or returns
    predictions of the wrong shape.
    """
    began = time.monotonic()
    wanted = {**settings, "task": task, "split.protocol": "validation"}
    config = finetune_settings(registry, Request(recipe, None, wanted)).config
    rows = read_labelled(registry, config, new_feed(registry, config.data))
    baseline: Baseline = resolve(function, f"the suite's baseline for {task!r}")
    known = _without_test_labels(rows, config.split.seed)
    try:
        predictions = np.asarray(baseline(known), dtype=np.float64)
    except ImportError as error:
        raise PluginError(f"the baseline {function!r} needs a package that is not installed: {error}") from error
    width = len(rows.classes) or known.labels.shape[1]
    if predictions.shape != (len(known.inputs), width):
        raise PluginError(
            f"the baseline {function!r} must return {len(known.inputs)} x {width} predictions, not "
            f"{' x '.join(map(str, predictions.shape))}"
        )
    return {
        "baseline": function,
        "task": rows.label,
        "metric": rows.selection.name,
        "rows": rows.sizes(),
        "split": rows.split,
        "valid": _figures(rows, predictions, "valid"),
        "test": _figures(rows, predictions, "test"),
        "seconds": time.monotonic() - began,
    }


def _without_test_labels(rows: LabelledRows, seed: int) -> BaselineRows:
    """Return the rows for the function, with NaN as labels of test rows and of rows in no part."""
    store, parts = rows.store, rows.parts
    labels = np.full((len(store), len(rows.targets)), np.nan)
    for part in ("train", "valid"):
        labels[parts[part]] = rows.labels(part)
    inputs: list[str] | NDArray[np.float32] = (
        store.values(np.arange(len(store))) if rows.feed.unit == "numbers" else store.texts
    )
    return BaselineRows(inputs, labels, rows.kind, rows.classes, parts["train"], parts["valid"], seed)


def _figures(rows: LabelledRows, predictions: NDArray[np.float64], part: Part) -> dict[str, float]:
    return rows.metrics.compute(rows.labels(part), predictions[rows.parts[part]])
