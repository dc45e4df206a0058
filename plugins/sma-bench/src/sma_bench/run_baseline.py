"""Run a baseline of a suite: a plugin's function that predicts a task's rows, split as for fine-tuning."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from sma_core.feeds.feed import new_feed
from sma_core.labels.baselines import BaselineFunction, BaselineTask
from sma_core.labels.labelled_rows import read_labelled
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, finetune_settings


def run_baseline(
    registry: Registry, function: str, recipe: str, task: str, settings: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the baseline's metrics on validation and test, in the format of a fine-tuning's ``results.json``.

    The function receives no test labels. It chooses its settings on validation rows, also when the suite's
    ``split.protocol`` is ``authors``. Raises `PluginError` when it cannot be imported, fails, or returns
    predictions of the wrong shape or that are not finite.
    """
    began = time.monotonic()
    wanted = {**settings, "task": task, "split.protocol": "validation"}
    config = finetune_settings(registry, Request(recipe, None, wanted)).config
    rows = read_labelled(registry, config, new_feed(registry, config.data))
    baseline: BaselineFunction = resolve(function, f"the suite's baseline for {task!r}")
    baseline_task = BaselineTask.of(rows, config.split.seed)
    predictions = baseline_task.predictions(baseline, f"the baseline {function!r}")
    return {
        "baseline": function,
        "task": rows.label,
        "metric": rows.selection.name,
        "rows": rows.sizes(),
        "split": rows.split,
        "valid": baseline_task.figures(predictions, "valid"),
        "test": baseline_task.figures(predictions, "test"),
        "seconds": time.monotonic() - began,
    }
