"""Find labels from which nothing can be learned: targets without a value, or with one value in all training rows.

Letters: n rows, T targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sma_core.config.models import ModelConfig
from sma_core.data.sequences import Sequences
from sma_core.data.store.store import Store
from sma_core.errors import DataError
from sma_core.feeds.feed import Feed
from sma_core.printable import counted
from sma_core.training.finetuning.targets import Labels

NEARLY_PERFECT = 0.999
LARGEST_LABEL = 1e150
"""Largest absolute value of a label: its square must be a float64."""
FARTHEST_LABEL = 1e6
"""Distance of a label from the middle, in widths of the middle half, from which it may be a fill value."""
ROWS_LOOKED_AT = 20_000
FEWEST_ROWS = 40
_MEASURES = {"regression": "rank correlation", "multiclass": "accuracy"}


def check_learnable(labels: Labels, train: NDArray[np.int64], names: Sequence[str], where: str) -> list[str]:
    """Return a sentence about the targets, if any, that have the same label in all training rows.

    ``labels`` (n, T) are those of all rows, NaN where missing; ``train`` are the indices of training rows. Raises
    `DataError` when a target has no label at all, or all targets have the same label in all training rows.
    """
    empty = [name for name, column in zip(names, labels.T, strict=True) if np.isnan(column).all()]
    if empty:
        raise DataError(
            f"{where}: the target {', '.join(map(repr, empty))} has no label in any usable row: check the column, "
            "or leave it out"
        )
    _check_sizes(labels, names, where)
    constant = {
        name: known[0] if len(known) else None
        for name, column in zip(names, labels[train].T, strict=True)
        if len(np.unique(known := column[~np.isnan(column)])) < 2
    }
    unusual = _with_fill_values(labels[train], names)
    if not constant:
        return unusual
    listed = ", ".join(
        f"{name!r} ({'no label' if value is None else f'always {value:g}'})" for name, value in constant.items()
    )
    sentence = (
        f"targets with one label in all {counted(len(train), 'training row')}, which cannot be learned: {listed}"
    )
    if len(constant) == len(names):
        raise DataError(
            f"{where}: {sentence}; give rows with other labels, or another split (split.name, split.seed)"
        )
    return [sentence, *unusual]


def shared_ids(store: Store, rows: NDArray[np.int64]) -> list[str]:
    """Return a sentence if characters of one id have different labels in store rows (m,).

    All characters of an id get one prediction, so that some of them cannot be predicted.
    """
    labels, counts = store.symbol_labels(rows), store.characters(rows)
    if labels is None or counts is None:
        return []
    known = ~np.isnan(labels)
    owners = np.repeat(np.arange(len(counts)), counts)[known]  # (characters,) the id of each
    keys, numbers = np.unique(owners * len(store.classes) + labels[known].astype(np.int64), return_counts=True)
    begins = np.flatnonzero(np.diff(keys // len(store.classes), prepend=-1))  # of each id among its labels
    if len(begins) == len(keys):
        return []
    share = np.maximum.reduceat(numbers, begins).sum() / len(owners)
    return [
        f"some ids of the tokenizer {store.metadata.tokenizer!r} stand for characters with different labels, but "
        f"get one prediction: an accuracy of at most {share:.3f} is possible on the training rows"
    ]


def _check_sizes(labels: Labels, names: Sequence[str], where: str) -> None:
    """Raise `DataError` for labels so large that their variance is not a number."""
    for name, column in zip(names, labels.T, strict=True):
        largest = float(np.abs(column[~np.isnan(column)]).max())
        if largest > LARGEST_LABEL:
            raise DataError(
                f"{where}: the target {name!r} has a value of {largest:g}, and at most {LARGEST_LABEL:g} can be "
                "used: take the logarithm, or leave the row out"
            )


def _with_fill_values(labels: Labels, names: Sequence[str]) -> list[str]:
    """Return a sentence on targets of which a few values are so large that all others are nearly equal."""
    described = []
    for name, column in zip(names, labels.T, strict=True):
        known = column[~np.isnan(column)]
        low, high = np.percentile(known, [25, 75]) if len(known) else (0.0, 0.0)
        farthest = np.abs(known - (low + high) / 2).max(initial=0.0)
        if high > low and farthest > FARTHEST_LABEL * (high - low):
            described.append(f"{name!r} (up to {np.abs(known).max():g}, half of them from {low:g} to {high:g})")
    if not described:
        return []
    return [
        f"targets with values so far from all others that they decide the loss, perhaps fill values: "
        f"{', '.join(described)}; leave these rows out, or use the logarithm"
    ]


def undefined_selection(metric: str, rows: int) -> str:
    """Return the warning that the metric could not select a checkpoint, on ``rows`` validation rows."""
    return (
        f"{metric} is undefined on the {counted(rows, 'validation row')}, so the last step was "
        f"kept, not the best one: "
        "give more rows, another split.name or split.seed, or another metric (`metric=NAME`)"
    )


def telling_features(
    store: Store, labels: Labels, train: NDArray[np.int64], names: Sequence[str], kind: str
) -> list[str]:
    """Return a sentence on features that alone predict a target almost perfectly.

    The measure is the ROC-AUC, for a regression the rank correlation, for classes the accuracy of intervals of
    the feature, of at most `ROWS_LOOKED_AT` training rows; of a sequence, that of the mean of a channel.
    """
    if not store.metadata.holds_values:
        return []
    rows = train[:: -(-len(train) // ROWS_LOOKED_AT)]
    values = _means(store.sequences(rows)) if store.metadata.sequences else store.values(rows)
    described = [
        f"{feature!r} of {name!r} ({_MEASURES.get(kind, 'ROC-AUC')} {share:.4f})"
        for name, column in zip(names, labels[rows].T, strict=True)
        for feature, own in zip(store.metadata.columns, values.T, strict=True)
        if (share := _alone(own, column, kind)) >= NEARLY_PERFECT
    ]
    if not described:
        return []
    return [
        f"features that alone predict a target almost perfectly: {', '.join(described)}; if they are not known "
        "when predictions are made, leave them out with data.exclude"
    ]


def unlike_training(
    feed: Feed, store: Store, rows: NDArray[np.int64], model: ModelConfig, of_what: str
) -> list[str]:
    """Return sentences on missing values in ``rows``, and on features in other units than in the pre-training.

    Looks at no more than `ROWS_LOOKED_AT` rows. ``of_what`` says whose shares of missing values they are.
    """
    compared = feed.other_rows(model)
    if compared is None or not len(rows):
        return []
    some = rows[:: -(-len(rows) // ROWS_LOOKED_AT)]
    values = store.sequences(some).values if store.metadata.sequences else store.values(some)
    compared.add(values.astype(np.float32, copy=False))
    return compared.warnings(of_what)


def _means(sequences: Sequences) -> NDArray[np.float32]:
    """Return the mean of each channel of each sequence (n, C), NaN where it has no value."""
    known = ~np.isnan(sequences.values)
    starts = sequences.offsets[:-1]
    sums = np.add.reduceat(np.where(known, sequences.values, 0.0), starts, axis=0)
    counts = np.add.reduceat(known.astype(np.int64), starts, axis=0)
    return np.where(counts > 0, sums / counts.clip(min=1), np.nan).astype(np.float32)


def _alone(values: NDArray[np.float32], labels: Labels, kind: str) -> float:
    """Return how well values (n,) rank labels (n,), from 0 to 1; 0 with too few known rows."""
    from scipy.stats import rankdata

    known = ~(np.isnan(values) | np.isnan(labels))
    values, labels = values[known], labels[known]
    if len(np.unique(labels)) < 2 or len(np.unique(values)) < 2 or len(labels) < FEWEST_ROWS:
        return 0.0
    if kind == "multiclass":
        return _by_intervals(values, labels)
    ranks = rankdata(values)
    if kind == "regression":
        return float(abs(np.corrcoef(ranks, rankdata(labels))[0, 1]))
    positive = labels == 1
    area = (ranks[positive].mean() - (positive.sum() + 1) / 2) / max((~positive).sum(), 1)
    return float(max(area, 1 - area)) if min(positive.sum(), (~positive).sum()) >= FEWEST_ROWS / 2 else 0.0


def _by_intervals(values: NDArray[np.float32], labels: Labels) -> float:
    """Return the accuracy with which intervals of values (n,), one a class, tell classes (n,), from 0 to 1.

    Every value stands for its most frequent class; each change of class between neighbouring values beyond those
    of one interval a class costs one row.
    """
    _, at_value = np.unique(values, return_inverse=True)
    classes, of_class = np.unique(labels, return_inverse=True)
    pairs, counts = np.unique(at_value * len(classes) + of_class, return_counts=True)
    order = np.lexsort((-counts, pairs // len(classes)))  # by value, the most frequent class first
    pairs, counts = pairs[order], counts[order]
    first = np.diff(pairs // len(classes), prepend=-1) != 0
    changes = int(np.count_nonzero(np.diff(pairs[first] % len(classes)))) - (len(classes) - 1)
    return float(max(int(counts[first].sum()) - max(changes, 0), 0) / len(labels))
