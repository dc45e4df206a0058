"""Split-conformal intervals of values and sets of classes (Vovk et al. 2005; Lei et al. 2018), by crepes.

An interval is the prediction, plus and minus a quantile of the absolute errors of validation rows. A set has every
class whose probability is not below a quantile of the probabilities that validation rows give to their own class.
They hold the label with the requested probability for rows drawn like the validation rows.

Letters: m rows, T targets, C classes, k validation rows with a label.
"""

from __future__ import annotations

import logging
import warnings
from importlib.util import find_spec

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.errors import UserError
from sma_core.evaluation.metric_set import Figures
from sma_core.feeds.rows import RowChunk
from sma_core.models.added_columns import Value
from sma_core.models.ensemble import Ensemble, Predictions
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Binary, Multiclass
from sma_view.trust.calibration import Array, Calibration

logger = logging.getLogger("sma")

ZERO_AND_ONE = ("0", "1")


class Interval:
    """Columns ``<target>:low`` and ``<target>:high``, or ``<target>:set``."""

    def __init__(self, models: Ensemble, value: Value) -> None:
        """Calibrate with the validation rows; raises `UserError` unless ``value`` is between 0 and 1."""
        self.level = _level(value)
        if find_spec("crepes") is None:
            raise UserError('intervals need the package crepes: pip install "sma-view[trust]"')
        self.calibration = Calibration.of(models)
        self._told = False
        for target, name in enumerate(self.calibration.targets.names):
            _warn_of_few(self.calibration, target, name, self.level)

    def columns(self, chunk: RowChunk, predictions: Predictions) -> dict[str, pa.Array]:
        """Return the bounds of m rows, or the sets of classes."""
        columns: dict[str, pa.Array] = {}
        targets = self.calibration.targets
        for target, name in enumerate(targets.names):
            if targets.kind == "regression":
                low, high = self._bounds(target, predictions.values).T
                columns |= {f"{name}:low": pa.array(low), f"{name}:high": pa.array(high)}
            else:
                inside = self._inside(target, predictions.values)
                classes = self._classes()
                sets = [[label for label, held in zip(classes, row, strict=True) if held] for row in inside]
                columns[f"{name}:set"] = pa.array(sets, pa.list_(pa.string()))
        return columns

    def figures(self, judged: LabelledPredictions) -> list[Figures]:
        """Return for each target the share of labels that are held, and the mean width or size."""
        self._warn_of_own(judged)
        return [self._figures(target, judged) for target in range(len(judged.targets.names))]

    def _figures(self, target: int, judged: LabelledPredictions) -> Figures:
        labels = judged.labels[:, target]
        known = ~np.isnan(labels)
        values, labels = judged.predictions[known], labels[known]
        percent = f"{100 * self.level:g}"
        if judged.targets.kind == "regression":
            low, high = self._bounds(target, values).T
            held, size, what = (low <= labels) & (labels <= high), high - low, "interval_width"
        else:
            inside = self._inside(target, values)
            held, size, what = inside[np.arange(len(labels)), labels.astype(int)], inside.sum(axis=1), "set_size"
        weights = None if judged.weights is None else np.repeat(judged.weights, judged.counts)[known]
        return {f"coverage_{percent}": _mean(held, weights), f"{what}_{percent}": _mean(size, weights)}

    def _bounds(self, target: int, predictions: Array) -> Array:
        """Return the lower and the upper bound of each row (m, 2)."""
        from crepes import ConformalRegressor

        known = self.calibration.known(target)
        errors = (self.calibration.labels - self.calibration.predictions)[known, target]
        with warnings.catch_warnings(action="ignore"):  # _warn_of_few says it
            fitted = ConformalRegressor().fit(errors)
            bounds: Array = fitted.predict_int(predictions[:, target], confidence=self.level)
        return bounds

    def _inside(self, target: int, predictions: Array) -> NDArray[np.bool_]:
        """Return which classes are in the set of each row (m, C)."""
        from crepes import ConformalClassifier

        known = self.calibration.known(target)
        own = self.calibration.labels[known, target].astype(int)
        unlike = 1.0 - self._probabilities(target, self.calibration.predictions[known])
        fitted = ConformalClassifier().fit(unlike[np.arange(len(own)), own])
        sets = fitted.predict_set(
            1.0 - self._probabilities(target, predictions), confidence=self.level, smoothing=False
        )
        inside: NDArray[np.bool_] = sets.astype(bool)
        return inside

    def _probabilities(self, target: int, predictions: Array) -> Array:
        """Return the probabilities of all classes of a target (m, C)."""
        if isinstance(self.calibration.targets, Multiclass):
            return predictions
        positive = predictions[:, target]
        return np.stack([1.0 - positive, positive], axis=1)

    def _classes(self) -> tuple[str, ...]:
        targets = self.calibration.targets
        if isinstance(targets, Multiclass):
            return targets.classes
        return (isinstance(targets, Binary) and targets.classes) or ZERO_AND_ONE

    def _warn_of_own(self, judged: LabelledPredictions) -> None:
        if not self._told and self.calibration.same_rows(judged.rows, judged.labels):
            logger.warning(
                "these rows are those that the intervals were calibrated with, so their coverage is no test"
            )
        self._told = True


def _level(value: Value) -> float:
    """Return the requested probability; raises `UserError` unless it is between 0 and 1."""
    try:
        level = float(value) if not isinstance(value, bool) else np.nan
    except ValueError:
        level = np.nan
    if not 0.0 < level < 1.0:
        raise UserError(
            f"`interval` is the probability that an interval holds the label, such as 0.9, not {value}"
        )
    return level


def _warn_of_few(calibration: Calibration, target: int, name: str, level: float) -> None:
    """Warn when there are too few validation rows for the level, so that every value or class is held."""
    count, needed = int(calibration.known(target).sum()), int(np.ceil(level / (1.0 - level) - 1e-9))
    if count < needed:
        logger.warning(
            "%s: %d validation rows are too few for intervals of %g %%, which need %d: they hold everything",
            name,
            count,
            100 * level,
            needed,
        )


def _mean(values: NDArray[np.bool_] | Array, weights: Array | None) -> float:
    """Return the weighted mean; NaN of nothing, or when the weights do not add up to more than 0."""
    if len(values) == 0 or (weights is not None and weights.sum() <= 0):
        return float("nan")
    return float(np.average(values, weights=weights))
