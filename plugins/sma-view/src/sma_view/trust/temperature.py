"""Probabilities with a temperature that is fitted on validation rows (Guo et al. 2017).

Logits are divided by one number for each target, which minimises the negative log-likelihood of the validation
labels. The order of rows does not change, and neither does the most probable class.

Letters: m rows, T targets, C classes.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec

import numpy as np
import pyarrow as pa

from sma_core.errors import UserError
from sma_core.evaluation.calibration import calibration_error
from sma_core.evaluation.metric_set import Figures
from sma_core.feeds.rows import RowChunk
from sma_core.models.added_columns import Value
from sma_core.models.ensemble import Ensemble, Predictions
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import MOST_PROBABILITIES, Multiclass
from sma_view.trust.calibration import Array, Calibration

logger = logging.getLogger("sma")

SMALLEST = 1e-12
"""Smallest probability whose logarithm is taken."""
RANGE = (0.05, 20.0)
"""Smallest and largest temperature."""


class Calibrated:
    """Columns ``<target>:calibrated``, or ``<target>:<class>:calibrated`` for each of several classes."""

    def __init__(self, models: Ensemble, value: Value) -> None:
        """Fit a temperature for each target; raises `UserError` for values."""
        if value is not True:
            raise UserError("`calibrated` takes no value")
        if models.targets.kind == "regression":
            raise UserError("values have no probabilities to calibrate: use `interval=0.9`")
        if find_spec("scipy") is None:
            raise UserError('calibrated probabilities need the package scipy: pip install "sma-view[trust]"')
        self.calibration = Calibration.of(models)
        names = models.targets.names
        self.temperatures = [self._fitted(target, name) for target, name in enumerate(names)]

    def columns(self, chunk: RowChunk, predictions: Predictions) -> dict[str, pa.Array]:
        """Return the calibrated probabilities of m rows; of many classes only that of the most probable one."""
        targets = self.calibration.targets
        columns: dict[str, pa.Array] = {}
        for target, name in enumerate(targets.names):
            scaled = self._scaled(target, predictions.values)  # (m, C)
            if not isinstance(targets, Multiclass):
                columns[f"{name}:calibrated"] = pa.array(scaled[:, 1])
            elif len(targets.classes) > MOST_PROBABILITIES:
                columns[f"{name}:calibrated"] = pa.array(scaled.max(axis=1))
            else:
                of_classes = zip(targets.classes, scaled.T, strict=True)
                columns |= {f"{name}:{label}:calibrated": pa.array(column) for label, column in of_classes}
        return columns

    def figures(self, judged: LabelledPredictions) -> list[Figures]:
        """Return for each target the temperature, and log loss and calibration error after scaling."""
        return [self._figures(target, judged) for target in range(len(judged.targets.names))]

    def _figures(self, target: int, judged: LabelledPredictions) -> Figures:
        labels = judged.labels[:, target]
        known = ~np.isnan(labels)
        scaled, labels = self._scaled(target, judged.predictions[known]), labels[known]
        figures = {"temperature": self.temperatures[target]}
        if judged.weights is not None:  # not weighted: they would mislead beside weighted metrics
            return figures
        figures["calibrated_log_loss"] = _log_loss(scaled, labels)
        if not isinstance(judged.targets, Multiclass):
            figures["calibrated_calibration_error"] = calibration_error(labels, scaled[:, 1])
        return figures

    def _fitted(self, target: int, name: str) -> float:
        """Return the temperature of a target; 1 when validation rows have only one class."""
        from scipy.optimize import minimize_scalar

        known = self.calibration.known(target)
        labels = self.calibration.labels[known, target]
        if len(np.unique(labels)) < 2:
            logger.warning(
                "%s: validation rows have fewer than two classes, so probabilities stay as they are", name
            )
            return 1.0
        logarithms = self._logarithms(target, self.calibration.predictions[known])

        def loss(logarithm: float) -> float:
            return _log_loss(_softmax(logarithms / np.exp(logarithm)), labels)

        best = float(np.exp(minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded").x))
        if not RANGE[0] * 1.05 < best < RANGE[1] / 1.05:
            logger.warning(
                "%s: the temperature %.2g is at the end of its range: too few validation rows?", name, best
            )
        return best

    def _scaled(self, target: int, predictions: Array) -> Array:
        scaled: Array = self._logarithms(target, predictions) / self.temperatures[target]
        return _softmax(scaled)

    def _logarithms(self, target: int, predictions: Array) -> Array:
        """Return the logarithms of the probabilities of all classes (m, C)."""
        if not isinstance(self.calibration.targets, Multiclass):
            positive = predictions[:, target]
            predictions = np.stack([1.0 - positive, positive], axis=1)
        logarithms: Array = np.log(predictions.clip(SMALLEST))
        return logarithms


def _softmax(logits: Array) -> Array:
    powers: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Array = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def _log_loss(probabilities: Array, labels: Array) -> float:
    """Return the mean negative logarithm of the probabilities (m, C) of the labels (m,); NaN of nothing."""
    if len(labels) == 0:
        return float("nan")
    own = probabilities[np.arange(len(labels)), labels.astype(int)]
    return float(-np.log(own.clip(SMALLEST)).mean())
