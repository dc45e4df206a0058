"""Charts of test predictions: parity, residuals, ROC, precision and recall, reliability, confusion.

Letters: n rows with a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_view.report.charts import Draw, legend, plain
from sma_view.report.predictions import TargetPredictions

BINS = 10
"""Number of bins of equal width in reliability diagrams, as in the calibration error."""
MOST_POINTS = 5000
"""Points drawn in a scatter chart; of more, as many at equal distances in the file."""
MOST_CLASSES = 20
"""Classes in a confusion matrix, the most frequent; the others are counted together."""


def charts_of(target: TargetPredictions) -> dict[str, Draw]:
    """Return the charts of a target's predictions by kind, as `sma plot --kind` names them."""
    if target.kind == "regression":
        return {"parity": parity(target), "residuals": residuals(target)}
    charts: dict[str, Draw] = {}
    if target.is_binary and len(np.unique(target.labels)) == 2:
        charts = {"roc": roc(target), "precision-recall": precision_recall(target)}
    if target.is_binary:
        charts["reliability"] = reliability(target)
    return charts | {"confusion": confusion(target)}


def parity(target: TargetPredictions) -> Draw:
    """Return predictions against labels, with the line on which they are equal."""
    labels, predictions = _some(target.labels, target.values)

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        ends = [min(labels.min(), predictions.min()), max(labels.max(), predictions.max())]
        axes.plot(ends, ends, color="C5", linewidth=1, linestyle="--")
        axes.scatter(labels, predictions, s=9, alpha=0.55, linewidths=0, color="#3b7dd8")
        axes.set(xlabel=f"{plain(target.name)}, label", ylabel="prediction", title=_count(target))

    return draw


def residuals(target: TargetPredictions) -> Draw:
    """Return a histogram of predictions minus labels."""
    differences = target.values - target.labels

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        axes.hist(differences, bins=min(40, max(5, int(np.sqrt(len(differences))))), color="#3b7dd8")
        axes.axvline(0.0, color="C5", linewidth=1, linestyle="--")
        title = f"mean {differences.mean():.3g}, standard deviation {differences.std():.3g}"
        axes.set(xlabel=f"{plain(target.name)}, prediction - label", ylabel="rows", title=title)

    return draw


def roc(target: TargetPredictions) -> Draw:
    """Return the share of found positives against that of false alarms, over all thresholds."""
    true_positives, false_positives = _cumulative(target)
    positives, negatives = true_positives[-1], false_positives[-1]

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        axes.plot(false_positives / negatives, true_positives / positives, linewidth=1.4)
        axes.plot([0, 1], [0, 1], color="C5", linewidth=1, linestyle="--")
        axes.set(xlabel="false-positive rate", ylabel="true-positive rate", title=_count(target))

    return draw


def precision_recall(target: TargetPredictions) -> Draw:
    """Return precision against recall over all thresholds, with the share of positives, that of chance."""
    true_positives, false_positives = _cumulative(target)
    chosen = true_positives + false_positives
    kept = chosen > 0

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        axes.plot(
            true_positives[kept] / true_positives[-1],
            true_positives[kept] / chosen[kept],
            linewidth=1.4,
            drawstyle="steps-post",
        )
        axes.axhline(true_positives[-1] / chosen[-1], color="C5", linewidth=1, linestyle="--")
        axes.set(xlabel="recall", ylabel="precision", ylim=(0, 1.02), title=_count(target))

    return draw


def reliability(target: TargetPredictions) -> Draw:
    """Return the share of positives against the mean probability in bins of equal width."""
    places = np.minimum((target.values * BINS).astype(int), BINS - 1)
    counts = np.bincount(places, minlength=BINS)
    used = np.flatnonzero(counts)
    means = np.bincount(places, target.values, BINS)[used] / counts[used]
    shares = np.bincount(places, target.labels, BINS)[used] / counts[used]

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        axes.plot([0, 1], [0, 1], color="C5", linewidth=1, linestyle="--")
        axes.plot(means, shares, linewidth=1.3, marker="o", markersize=3)
        axes.bar(
            used / BINS, counts[used] / counts.sum(), 1 / BINS, align="edge", alpha=0.25, label="share of rows"
        )
        axes.set(xlabel="predicted probability", ylabel="share of positives", xlim=(0, 1), ylim=(0, 1.02))
        legend(axes)

    return draw


def confusion(target: TargetPredictions) -> Draw:
    """Return counts of labels against predicted classes."""
    names, counts = confusion_counts(target)

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.grid(visible=False)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
        shown = [plain(name if len(name) <= 12 else f"{name[:11]}…") for name in names]
        axes.set_xticks(range(len(names)), shown, rotation=90 if len(names) > 4 else 0)
        axes.set_yticks(range(len(names)), shown)
        if len(names) <= 10:
            for row, column in np.ndindex(counts.shape):
                colour = "white" if shares[row, column] > 0.5 else "#1d1f21"
                axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour)
        axes.set(xlabel="prediction", ylabel="label")

    return draw


def confusion_counts(target: TargetPredictions) -> tuple[list[str], NDArray[np.int64]]:
    """Return names of classes and the matrix of counts (label, prediction); rare classes are one, ``others``."""
    pairs = list(zip(target.label_names, target.predicted_names, strict=True))
    frequency: dict[str, int] = {}
    for pair in pairs:
        for name in pair:
            frequency[name] = frequency.get(name, 0) + 1
    names = sorted(sorted(frequency), key=lambda name: -frequency[name])
    kept = sorted(names[:MOST_CLASSES]) + (["others"] if len(names) > MOST_CLASSES else [])
    place: Mapping[str, int] = {name: index for index, name in enumerate(kept)}
    counts = np.zeros((len(kept), len(kept)), dtype=np.int64)
    for label, prediction in pairs:
        counts[place.get(label, len(kept) - 1), place.get(prediction, len(kept) - 1)] += 1
    return kept, counts


def _cumulative(target: TargetPredictions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the numbers of positives and negatives above each threshold, from none to all rows."""
    order = np.argsort(-target.values, kind="stable")
    labels, values = target.labels[order], target.values[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    true_positives = np.append(0.0, np.cumsum(labels)[last_of_ties])
    return true_positives, np.append(0.0, last_of_ties + 1.0) - true_positives


def _some(*columns: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    step = -(-len(columns[0]) // MOST_POINTS)
    return [column[::step] for column in columns]


def _count(target: TargetPredictions) -> str:
    return f"{len(target.labels):,} rows"
