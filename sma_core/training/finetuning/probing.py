"""Fit the probe of a frozen encoder, to which a fine-tuning falls back when no epoch is better on validation.

A ridge or logistic regression is fitted to the standardised mean latents of training rows, with the penalty that
is best on validation rows. Rows that differ little, such as variants of one protein, have mean latents that differ
by a small part of their size; standardised, the differences are as large as those of any other rows.

Shapes: n rows, D latent width, T targets, O outputs of the head.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from sma_core.data.batching.batches import Batch
from sma_core.devices.device import autocast
from sma_core.devices.placement import Placement
from sma_core.evaluation.metric_set import MetricSet
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import Predictor
from sma_core.plugins.method_specs import Metric
from sma_core.training.finetuning.targets import Labels, Multiclass, MultiLabel, Regression, Targets

MOST_ROWS = 20_000
"""Largest number of training rows, and of validation rows, that a probe needs."""
RIDGE_PENALTIES = tuple(10.0**power for power in range(-3, 6))
LOGISTIC_PENALTIES = tuple(10.0**power for power in range(5))
MOST_ITERATIONS, MANY_CLASSES = 200, 50
"""Iterations of logistic regression; a quarter of them with more classes than `MANY_CLASSES`."""
UNSEEN = 5.0
"""How far the bias of a class without training rows is below the smallest of the others."""


class LinearMap(NamedTuple):
    """Weights (O, D) and bias (O,) of a linear map of standardised features."""

    weight: Labels
    bias: Labels


@dataclass(frozen=True)
class Rows:
    """Mean latents (n, D) and labels (n, T) of rows."""

    features: Labels
    labels: Labels


def fit_probe(
    module: Predictor,
    targets: Targets,
    metrics: MetricSet,
    selection: Metric,
    train: Sequence[Batch],
    valid: Sequence[Batch],
    place: Placement,
) -> float:
    """Fit and activate ``module.probe``, and return the chosen penalty.

    ``train`` and ``valid`` are labelled batches. With equal metrics the stronger penalty is taken. The weights are
    equal on all ranks.
    """
    assert module.probe is not None, "the settings give the network a probe"
    module.to(place.device).eval()
    with torch.inference_mode(), autocast(place.device, place.precision):
        known, held_out = _encoded(module, train, place), _encoded(module, valid, place)
    mean, spread = known.features.mean(axis=0), known.features.std(axis=0)
    spread = np.where(spread > 1e-6 * np.abs(mean) + 1e-12, spread, 1.0)
    scaled, scaled_valid = ((part.features - mean) / spread for part in (known, held_out))
    best: tuple[float, float, LinearMap] | None = None
    for penalty in RIDGE_PENALTIES if isinstance(targets, Regression) else LOGISTIC_PENALTIES:
        fitted = fit_linear_map(targets, scaled, known.labels, penalty)
        outputs = torch.from_numpy(scaled_valid @ fitted.weight.T + fitted.bias)
        value = metrics.compute(held_out.labels, targets.predictions(outputs))[selection.name]
        worth = -math.inf if math.isnan(value) else value if selection.higher_is_better else -value
        if best is None or worth >= best[0]:
            best = (worth, penalty, fitted)
    assert best is not None, "there are penalties"
    weight, bias = best[2]
    module.probe.set(*(torch.from_numpy(array).to(place.device) for array in (mean, spread, weight, bias)))
    return best[1]


def fit_linear_map(targets: Targets, features: Labels, labels: Labels, penalty: float) -> LinearMap:
    """Fit labels (n, T), NaN where missing, by a linear map of features (n, D) to the outputs of ``targets``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # logistic regression need not converge
        if isinstance(targets, Multiclass):
            return _multiclass(targets, features, labels[:, 0], penalty)
        columns: Iterable[LinearMap]
        if isinstance(targets, Regression):
            scaled = (labels - np.asarray(targets.mean)) / np.asarray(targets.spread)
            columns = [_ridge(features, column, penalty) for column in scaled.T]
        else:
            assert isinstance(targets, MultiLabel), "labels of positions have no probe"
            equal = (1.0,) * labels.shape[1]
            weights = zip(targets.negative_weights or equal, targets.positive_weights or equal, strict=True)
            pairs = zip(labels.T, weights, strict=True)
            columns = [_logistic(features, column, penalty, {0: zero, 1: one}) for column, (zero, one) in pairs]
    weights_of, biases = zip(*columns, strict=True)
    return LinearMap(np.concatenate(weights_of), np.concatenate(biases))


def _ridge(features: Labels, labels: Labels, penalty: float) -> LinearMap:
    known = ~np.isnan(labels)
    if not known.any():
        return LinearMap(np.zeros((1, features.shape[1])), np.zeros(1))
    model = Ridge(alpha=penalty).fit(features[known], labels[known])
    return LinearMap(np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_))


def _logistic(features: Labels, labels: Labels, penalty: float, weights: dict[int, float]) -> LinearMap:
    """Fit one column of 0 and 1; with a single value, the bias is the logarithm of the odds, smoothed."""
    known = ~np.isnan(labels)
    ones, count = np.nansum(labels), int(known.sum())
    if ones in (0, count):
        odds = (ones + 0.5) / (count - ones + 0.5)
        return LinearMap(np.zeros((1, features.shape[1])), np.array([math.log(odds)]))
    model = LogisticRegression(C=1 / penalty, max_iter=MOST_ITERATIONS, class_weight=weights)
    model.fit(features[known], labels[known].astype(np.int64))
    return LinearMap(model.coef_, model.intercept_)


def _multiclass(targets: Multiclass, features: Labels, labels: Labels, penalty: float) -> LinearMap:
    """Fit all classes that training rows have; the others get weights 0 and a low bias."""
    known = ~np.isnan(labels)
    classes = labels[known].astype(np.int64)
    seen: NDArray[np.int64] = np.unique(classes)
    weight, bias = np.zeros((targets.outputs, features.shape[1])), np.zeros(targets.outputs)
    if len(seen) > 1:
        iterations = MOST_ITERATIONS // (4 if len(seen) > MANY_CLASSES else 1)
        balance = dict(enumerate(targets.class_weights)) if targets.class_weights else None
        model = LogisticRegression(C=1 / penalty, max_iter=iterations, class_weight=balance)
        model.fit(features[known], classes)
        two = len(seen) == 2  # one row of coefficients: half of it for each class
        weight[seen] = np.concatenate([-model.coef_ / 2, model.coef_ / 2]) if two else model.coef_
        bias[seen] = np.concatenate([-model.intercept_ / 2, model.intercept_ / 2]) if two else model.intercept_
    unseen = np.setdiff1d(np.arange(targets.outputs), seen)
    bias[unseen] = bias[seen].min(initial=0.0) - UNSEEN
    return LinearMap(weight, bias)


def _encoded(module: Predictor, batches: Sequence[Batch], place: Placement) -> Rows:
    """Encode labelled batches."""
    features, labels = [], []
    for batch in batches:
        assert batch.labels is not None, "the batches are labelled"
        on_device = batch.to(place.device)
        encoded = module.encode(on_device.inputs, on_device.padding_mask)
        features.append(mean_latents(encoded.latents).double().cpu().numpy())
        labels.append(batch.labels.double().numpy())
    return Rows(*(np.concatenate(arrays) for arrays in (features, labels)))
