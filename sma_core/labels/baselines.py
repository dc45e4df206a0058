"""Score the baselines of a domain on the rows and the split of a fine-tuning.

Shapes: n rows, C columns of predictions.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import PluginError, UserError
from sma_core.evaluation.baselines import BaselineInputs, BaselineRows
from sma_core.evaluation.calibration import Array
from sma_core.evaluation.metric_set import Figures
from sma_core.evaluation.splits import PARTS, Indices, Part
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.plugins.imports import output_to_stderr
from sma_core.plugins.method_specs import Baseline
from sma_core.plugins.registry import Registry
from sma_core.runs.results import BaselineResult
from sma_core.training.finetuning.labelled_predictions import part_weights

BaselineFunction: TypeAlias = Callable[[BaselineRows], Array]
"""Returns predictions for all n rows: values (n, T), probabilities (n, T), or class probabilities (n, C)."""
LARGEST: dict[Part, int] = {"train": 5_000, "valid": 5_000, "test": 50_000}
"""Largest number of rows of each part that the baselines of a fine-tuning use, so that they take seconds."""


@dataclass(frozen=True)
class BaselineTask:
    """Rows for a baseline, and the indices of each part in the store, which the core scores."""

    labelled: LabelledRows
    rows: BaselineRows
    parts: dict[Part, Indices]

    @classmethod
    def of(cls, labelled: LabelledRows, seed: int, largest: dict[Part, int] | None = None) -> BaselineTask:
        """Take all rows, or at most ``largest`` of each part, drawn with ``seed``; test labels are left out."""
        draw = np.random.default_rng(seed)
        parts = {part: _drawn(labelled.parts[part], (largest or {}).get(part), draw) for part in PARTS}
        store = np.concatenate([parts[part] for part in PARTS])  # (n,) store indices
        ends = np.cumsum([len(parts[part]) for part in PARTS])
        labels = labelled.labels_of(store)
        labels[ends[1] :] = np.nan
        train, valid = np.arange(ends[0]), np.arange(ends[0], ends[1])
        inputs = _inputs(labelled, store)
        weights = None if labelled.weights is None else labelled.weights[store].clip(min=0)
        rows = BaselineRows(inputs, labels, labelled.kind, labelled.classes, train, valid, seed, weights)
        return cls(labelled, rows, parts)

    def predictions(self, function: BaselineFunction, part: str) -> Array:
        """Call the baseline ``part``, such as "the baseline 'own' of sma-lab 1.0".

        Raises `PluginError` when it needs a missing package, or returns another shape, or numbers that are not
        finite.
        """
        try:
            with output_to_stderr(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                predictions = np.asarray(function(self.rows), dtype=np.float64)
        except ImportError as error:
            raise PluginError(f"{part} needs a package that is not installed: {error}") from error
        expected = (len(self.rows.labels), self.rows.columns)
        if predictions.shape != expected:
            raise PluginError(
                f"{part} must return {expected[0]} x {expected[1]} predictions, not "
                f"{' x '.join(map(str, predictions.shape))}"
            )
        unknown = np.argwhere(~np.isfinite(predictions))
        if len(unknown):
            row, column = unknown[0].tolist()
            number = self.labelled.store.row_number(int(self._rows_of_store()[row]))
            raise PluginError(
                f"{part} must return finite predictions; row {number:,} is {predictions[row, column]:g}"
            )
        return predictions

    def _rows_of_store(self) -> Indices:
        """Return the store indices (n,) of the rows that the baseline gets."""
        return np.concatenate([self.parts[part] for part in PARTS])

    def figures(self, predictions: Array, part: Part) -> Figures:
        """Return the metrics of the predictions (n, C) of one part."""
        start = sum(len(self.parts[earlier]) for earlier in PARTS[: PARTS.index(part)])
        rows = self.parts[part]
        weights = part_weights(self.labelled.weights, rows)
        labels = self.labelled.labels_of(rows)
        return self.labelled.metrics.compute(labels, predictions[start : start + len(rows)], weights)


def run_baselines(registry: Registry, labelled: LabelledRows, seed: int) -> list[BaselineResult]:
    """Train and score every baseline for this kind of labels; one that cannot run says why in ``left_out``.

    Large parts are reduced to `LARGEST` rows. With strict plugins, an error inside a baseline is raised as
    `PluginError`; a package that is not installed is never an error.
    """
    specs = [spec for spec in registry.in_order(Baseline) if labelled.kind in spec.kinds]
    if not specs:
        return []
    task = BaselineTask.of(labelled, seed, LARGEST)
    return [_result(registry, spec, task) for spec in specs]


def _result(registry: Registry, spec: Baseline, task: BaselineTask) -> BaselineResult:
    began = time.monotonic()
    rows: dict[str, int] = {part: len(indices) for part, indices in task.parts.items()}
    result = BaselineResult(spec.name, spec.summary, rows, 0.0, {}, {}, None)
    try:
        predictions = task.predictions(registry.build(spec), registry.label(spec))
        valid, test = task.figures(predictions, "valid"), task.figures(predictions, "test")
    except UserError as error:
        missing = _missing_module(error)
        reason = f"it needs {missing}: pip install {missing.replace('_', '-')}" if missing else str(error)
        if registry.strict and missing is None and isinstance(error, PluginError):
            raise
        return replace(result, left_out=reason)
    except (Exception, SystemExit) as error:
        reason = f"it failed: {type(error).__name__}: {error}"
        if registry.strict:
            raise PluginError(f"{registry.label(spec)}: {reason}") from error
        return replace(result, left_out=reason)
    return replace(result, seconds=time.monotonic() - began, valid=valid, test=test)


def _missing_module(error: BaseException) -> str | None:
    """Return the top-level module whose import failed, if that is the cause of ``error``."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name:
            return cause.name.partition(".")[0]
        cause = cause.__cause__
    return None


def _drawn(rows: Indices, most: int | None, draw: np.random.Generator) -> Indices:
    """Return all rows, or ``most`` of them in their order."""
    if most is None or len(rows) <= most:
        return rows
    return rows[np.sort(draw.choice(len(rows), most, replace=False))]


def _inputs(labelled: LabelledRows, rows: NDArray[np.int64]) -> BaselineInputs:
    """Return the texts, numbers or sequences of store rows (n,)."""
    if labelled.store.metadata.sequences:
        sequences = labelled.store.sequences(rows)
        return [sequences[row] for row in range(len(sequences))]
    if labelled.feed.unit == "numbers":
        return labelled.store.values(rows)
    texts = labelled.store.texts
    return [texts[row] for row in rows]
