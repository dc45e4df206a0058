"""Baselines without this framework, on the same rows: linear models and boosted trees.

A plugin's baseline is a function of `sma_core.evaluation.baselines.BaselineRows` that computes features of the
inputs and usually passes them to one of the functions below. Hyper-parameters are chosen on validation rows.

Letters: n rows, F features, T targets, C classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import softmax
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.utils.extmath import safe_sparse_dot

from sma_core.errors import UserError
from sma_core.evaluation.baselines import BaselineRows
from sma_core.evaluation.calibration import Array

__all__ = ["BaselineRows", "fit_boosted_trees", "fit_linear"]

Features: TypeAlias = "NDArray[Any] | sparse.csr_matrix"

PENALTIES = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
"""Strengths of the penalty; the best on validation is used."""
MOST_TREES, LEARNING_RATE, PATIENCE = 2000, 0.03, 50
"""Boosting: maximum number of trees, learning rate, and number of trees without gain before stopping."""
SMALL = 1_000_000
"""Boosting: with fewer values one thread is used, since several spend their time waiting for each other."""

_Fit: TypeAlias = Callable[["_Part", "_Part", Features], Array]


@dataclass(frozen=True)
class _Part:
    """Features (m, F), labels (m,) and weights (m,), None without weights, of the training or validation rows."""

    features: Features
    labels: Array
    weights: Array | None


def fit_linear(features: Features, rows: BaselineRows) -> Array:
    """Predict all rows by ridge regression on features (n, F), or by logistic regression for binary labels.

    Multiclass labels are fitted by ridge regression on class indicators, followed by a softmax. Raises `UserError`
    for labels of positions.
    """
    if rows.kind == "multiclass":
        return _fit_classes(features, rows)
    return _each_target(features, rows, _ridge if rows.kind == "regression" else _logistic)


def fit_boosted_trees(features: Features, rows: BaselineRows) -> Array:
    """Predict all rows with LightGBM on features (n, F), for regression and binary labels.

    Raises `UserError` for other kinds of labels, and when LightGBM is not installed.
    """
    try:
        import lightgbm
    except ImportError as error:
        raise UserError("this baseline needs LightGBM: pip install 'sma-bench[trees]'") from error
    if rows.kind == "multiclass":
        raise UserError("boosted trees support regression and binary labels, not multiclass")
    regression = rows.kind == "regression"

    def fit(train: _Part, valid: _Part, every: Features) -> Array:
        kind = lightgbm.LGBMRegressor if regression else lightgbm.LGBMClassifier
        threads = (
            1 if train.features.shape[0] * train.features.shape[1] < SMALL else 0
        )  # 0: as many as OMP_NUM_THREADS
        model = kind(
            n_estimators=MOST_TREES,
            learning_rate=LEARNING_RATE,
            random_state=rows.seed,
            n_jobs=threads,
            verbose=-1,
        )
        stop = lightgbm.early_stopping(PATIENCE, verbose=False)
        model.fit(
            train.features,
            train.labels,
            sample_weight=train.weights,
            eval_X=valid.features,
            eval_y=valid.labels,
            eval_sample_weight=None if valid.weights is None else [valid.weights],
            callbacks=[stop],
        )
        values = model.predict(every) if regression else np.asarray(model.predict_proba(every))[:, 1]
        return np.asarray(values, dtype=np.float64)

    return _each_target(features, rows, fit)


def _each_target(features: Features, rows: BaselineRows, fit: _Fit) -> Array:
    """Fit each target on its known labels; a target with constant training labels gets their mean.

    Labels of a regression are standardised, since models of float32 features round labels to float32.
    """
    if rows.kind == "per-position":
        raise UserError("this baseline supports labels of rows, not of positions")
    predictions = np.empty((len(rows.labels), rows.labels.shape[1]))
    for target in range(rows.labels.shape[1]):
        labels = rows.labels[:, target]
        train, valid = (part[~np.isnan(labels[part])] for part in (rows.train, rows.valid))
        if len(np.unique(labels[train])) < 2 or len(valid) == 0:
            predictions[:, target] = labels[train].mean() if len(train) else 0.0
            continue
        centre, unit = 0.0, 1.0
        if rows.kind == "regression":
            centre, unit = float(labels[train].mean()), float(labels[train].std())
        learned, tuned = (
            _Part(
                features[part],
                (labels[part] - centre) / unit,
                None if rows.weights is None else rows.weights[part],
            )
            for part in (train, valid)
        )
        predictions[:, target] = fit(learned, tuned, features) * unit + centre
    return predictions


def _ridge(train: _Part, valid: _Part, every: Features) -> Array:
    models = [Ridge(alpha=penalty).fit(train.features, train.labels, train.weights) for penalty in PENALTIES]
    best = min(
        models,
        key=lambda model: mean_squared_error(
            valid.labels, model.predict(valid.features), sample_weight=valid.weights
        ),
    )
    return np.asarray(best.predict(every), dtype=np.float64)


def _logistic(train: _Part, valid: _Part, every: Features) -> Array:
    # A penalty is relative to the sum of the losses: weights are scaled to a mean of 1.
    weights = None if train.weights is None else train.weights / (train.weights.mean() or 1.0)
    models = [
        LogisticRegression(C=1 / penalty, max_iter=2000).fit(train.features, train.labels, weights)
        for penalty in PENALTIES
    ]
    best = min(
        models,
        key=lambda model: log_loss(
            valid.labels,
            model.predict_proba(valid.features)[:, 1],
            labels=[0.0, 1.0],
            sample_weight=valid.weights,
        ),
    )
    return np.asarray(best.predict_proba(every)[:, 1], dtype=np.float64)


def _fit_classes(features: Features, rows: BaselineRows) -> Array:
    """Return class probabilities (n, C) from kernel ridge regression on class indicators."""
    labels = rows.labels[:, 0]
    train, valid = (part[~np.isnan(labels[part])] for part in (rows.train, rows.valid))
    indicators = np.eye(len(rows.classes))[labels[train].astype(np.int64)]  # (m, C)
    products = safe_sparse_dot(features, features[train].T, dense_output=True)  # (n, m)
    best, best_correct = None, -1
    for penalty in PENALTIES:
        model = KernelRidge(alpha=penalty, kernel="precomputed").fit(products[train], indicators)
        correct = int((model.predict(products[valid]).argmax(axis=1) == labels[valid]).sum())
        if correct > best_correct:
            best, best_correct = model, correct
    assert best is not None, "there are penalties"
    probabilities: Array = softmax(best.predict(products), axis=1)
    return probabilities


def channel_statistics(sequences: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return statistics (n, 5 C + 1) of n sequences (n_i, C): of each channel, and the length.

    They are mean, standard deviation, minimum, maximum and mean absolute change; NaN where a channel has no value.
    """
    return np.stack([_statistics(np.asarray(row)) for row in sequences])


def _statistics(row: NDArray[np.float32]) -> NDArray[np.float64]:
    numbers: list[float] = []
    for channel in row.T.astype(np.float64):
        values = channel[~np.isnan(channel)]
        if not len(values):
            numbers += [np.nan] * 5
            continue
        changes = np.abs(np.diff(values)).mean() if len(values) > 1 else 0.0
        numbers += [values.mean(), values.std(), values.min(), values.max(), changes]
    return np.array([*numbers, len(row)])
