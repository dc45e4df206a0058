"""Probes: simple models on frozen features, fitted by scikit-learn, their one setting chosen on validation.

Letters: n rows or positions, D features, T targets, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from sma_core.evaluation.calibration import Array
from sma_core.evaluation.metric_set import CLASS_KINDS, MetricSet
from sma_core.plugins.method_specs import Metric

ProbeName = Literal["linear", "knn"]
CHOICES: dict[ProbeName, tuple[float, ...]] = {
    "linear": tuple(10.0**power for power in range(-3, 6)),
    "knn": (1, 2, 4, 8, 16, 32, 64, 128),
}
"""The penalties of ridge and logistic regression (its C is one over it), and the numbers of neighbours."""
CHOSEN: dict[ProbeName, str] = {"linear": "penalty", "knn": "neighbours"}
"""Name of the hyper-parameter chosen on validation."""
MOST_ITERATIONS = 5000

Answer: TypeAlias = Callable[[Array], Array]


@dataclass(frozen=True)
class FeatureSet:
    """Rows or positions of one part of a split: features (n, D), and labels (n, T), NaN where missing."""

    features: Array
    labels: Array


@dataclass(frozen=True)
class Probed:
    """The chosen hyper-parameter, the metrics on validation and test, and the predictions (n, C) of the test."""

    chosen: float
    valid: dict[str, float]
    test: dict[str, float]
    predictions: Array


def fit_probe(
    probe: ProbeName,
    metrics: MetricSet,
    selection: Metric,
    classes: int,
    train: FeatureSet,
    valid: FeatureSet,
    test: FeatureSet,
) -> Probed:
    """Fit a probe for each choice on the training rows, and take the best on validation by ``selection``.

    Features are standardised with the mean and spread of the training rows. ``classes`` is C of classes.
    With equal metrics the stronger penalty, or the larger number of neighbours, is taken; the test rows are scored
    once.
    """
    scaler = StandardScaler().fit(train.features)
    scaled = FeatureSet(scaler.transform(train.features), train.labels)
    features = scaler.transform(valid.features)
    best: tuple[float, float, Answer, dict[str, float]] | None = None
    for choice in CHOICES[probe]:
        if best is not None and probe == "knn" and choice > len(train.labels):
            break
        answer = _fitted(probe, metrics.kind, classes, choice, scaled)
        figures = metrics.compute(valid.labels, answer(features))
        worth = figures[selection.name] if selection.higher_is_better else -figures[selection.name]
        worth = -math.inf if math.isnan(worth) else worth
        if best is None or worth >= best[0]:
            best = (worth, choice, answer, figures)
    assert best is not None, "there are choices"
    _, choice, answer, figures = best
    predictions = answer(scaler.transform(test.features))
    return Probed(choice, figures, metrics.compute(test.labels, predictions), predictions)


def _fitted(probe: ProbeName, kind: str, classes: int, choice: float, train: FeatureSet) -> Answer:
    """Fit one model per target on rows with a known label; return the prediction function."""
    targets = [_known(train, target) for target in range(train.labels.shape[1])]
    if kind in CLASS_KINDS:
        return _probabilities(_classifier(probe, choice, len(targets[0].labels)), targets[0], range(classes))
    if kind == "regression":
        return _beside([_values(_regressor(probe, choice, len(each.labels)), each) for each in targets])
    probabilities = [
        _probabilities(_classifier(probe, choice, len(each.labels)), each, range(2)) for each in targets
    ]  # of 0 and 1
    return lambda features: np.stack([answer(features)[:, 1] for answer in probabilities], axis=1)


def _known(train: FeatureSet, target: int) -> FeatureSet:
    known = ~np.isnan(train.labels[:, target])
    return FeatureSet(train.features[known], train.labels[known, target])


def _regressor(probe: ProbeName, choice: float, rows: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    return Ridge(alpha=choice) if probe == "linear" else KNeighborsRegressor(min(int(choice), rows))


def _classifier(probe: ProbeName, choice: float, rows: int) -> Any:  # noqa: ANN401 - scikit-learn has no types
    if probe == "knn":
        return KNeighborsClassifier(max(1, min(int(choice), rows)))
    return LogisticRegression(C=1 / choice, max_iter=MOST_ITERATIONS)


def _beside(answers: Sequence[Answer]) -> Answer:
    """Put the answers for several targets beside each other (n, T)."""
    return lambda features: np.stack([answer(features) for answer in answers], axis=1)


def _values(model: Any, train: FeatureSet) -> Answer:  # noqa: ANN401 - scikit-learn has no types
    """Fit a regression; it gives values (n,), 0 for a target that has no label."""
    if not len(train.labels):
        return lambda features: np.zeros(len(features))
    fitted = model.fit(train.features, train.labels)
    return lambda features: fitted.predict(features).astype(np.float64)


def _probabilities(model: Any, train: FeatureSet, classes: Sequence[int]) -> Answer:  # noqa: ANN401 - as above
    """Fit a classifier; it gives probabilities (n, C), 0 for a class that no training row has."""
    there = np.unique(train.labels).astype(np.int64)
    fitted = model.fit(train.features, train.labels) if len(there) > 1 else None

    def answer(features: Array) -> Array:
        probabilities = np.zeros((len(features), len(classes)))
        probabilities[:, there] = 1.0 if fitted is None else fitted.predict_proba(features)
        return probabilities

    return answer
