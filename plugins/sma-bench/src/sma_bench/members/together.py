"""Predictions of several runs together: those of each fold's test rows, or the means of all members.

Letters: m scored rows, T targets, C columns of predictions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from sma_core.errors import CheckpointError
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.models.loaded_run import LoadedRun
from sma_core.plugins.discovery import PluginPolicy
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.verbs.evaluate import own_rows, predict_part


def out_of_fold(
    runs: Sequence[Path], policy: PluginPolicy | None = None
) -> tuple[LabelledPredictions, LabelledRows]:
    """Return the test predictions of all folds in file order, each row predicted by the run that did not see it.

    Raises `CheckpointError` when the runs' rows have changed.
    """
    loaded = [LoadedRun.load(run, policy=policy, precision=None) for run in runs]
    parts = [predict_part(run, "test", policy) for run in loaded]
    rows = own_rows(loaded[0], policy=policy)
    joined = replace(
        parts[0],
        rows=np.concatenate([part.rows for part in parts]),
        counts=np.concatenate([part.counts for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        predictions=np.concatenate([part.predictions for part in parts]),
        weights=None,
    )
    return joined.take(np.argsort(joined.rows, kind="stable")).weighed(rows.weights), rows


def averaged(runs: Sequence[Path], policy: PluginPolicy | None = None) -> tuple[LabelledPredictions, bool]:
    """Return the test rows that all runs share, with the means of their predictions, and whether all are the same.

    Raises `CheckpointError` when the runs have other test rows, or labels belong to positions.
    """
    loaded = [LoadedRun.load(run, policy=policy, precision=None) for run in runs]
    if loaded[0].needed_targets().per_position:
        raise CheckpointError("predictions of positions cannot be averaged: use one run")
    parts = [predict_part(run, "test", policy) for run in loaded]
    for run, part in zip(runs[1:], parts[1:], strict=True):
        if not np.array_equal(parts[0].rows, part.rows):
            raise CheckpointError(f"{runs[0]} and {run} have other test rows, so they cannot be averaged")
    equal = all(np.array_equal(parts[0].predictions, part.predictions, equal_nan=True) for part in parts[1:])
    return replace(parts[0], predictions=np.mean([part.predictions for part in parts], axis=0)), equal
