"""Find predictions that are nearly the same for every row: the model has learned no more than an average.

Shapes: m scored items (rows, or labelled positions), T targets, C columns of predictions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sma_core.config import FinetuneConfig
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Labels, Multiclass, Regression, Targets

SMALL_SPREAD = 0.05
"""Standard deviation of predictions, relative to that of labels, below which they are nearly constant."""


def constant_predictions(
    predicted: LabelledPredictions, config: FinetuneConfig, probe_kept: bool = False
) -> list[str]:
    """Return a sentence that says which predictions are nearly constant and what to do; empty if none are.

    Values are nearly constant if their spread is below `SMALL_SPREAD` of that of the known labels, classes if all
    items have the same one although the labels have several. ``config`` is that of the run, ``probe_kept`` tells
    whether its model is a linear probe of the encoder, since no epoch was better: what the run had already is not
    advised again.
    """
    targets, labels, predictions = predicted.targets, predicted.labels, predicted.predictions
    advice = _advice(targets, config, probe_kept)
    if isinstance(targets, Regression):
        return _values(targets, labels, predictions, advice)
    if isinstance(targets, Multiclass):
        return _classes(targets, labels[:, 0], predictions, advice)
    names = [
        name
        for name, column, probabilities in zip(targets.names, labels.T, predictions.T, strict=True)
        if len(np.unique(column[~np.isnan(column)])) > 1 and len(np.unique(probabilities >= 0.5)) == 1
    ]
    if not names:
        return []
    return [f"all {len(labels):,} test rows are predicted as the same class of {_listed(names)}: {advice}"]


def _advice(targets: Targets, config: FinetuneConfig, probe_kept: bool) -> str:
    """Return what may help, without what the run has already."""
    possible = []
    if not isinstance(targets, Regression) and config.class_weights is None:
        possible.append("pass `class_weights=balanced`")
    if not probe_kept:
        possible += ["train longer (training.epochs)", "raise training.learning_rate"]
    if config.training.probe_fallback:
        more = "pre-train for more steps" if config.pretrained else "start from a pre-trained model (`model=RUN`)"
        possible += ["give more labelled rows", more]
    elif not (targets.per_position or config.weight or config.split.protocol == "authors"):
        possible.append("let a linear probe stand in (training.probe_fallback=true)")
    *first, last = possible
    advice = f"{', '.join(first)}, or {last}" if len(first) > 1 else " or ".join(possible)
    return f"a linear probe was kept, since no epoch was better; {advice}" if probe_kept else advice


def _values(targets: Targets, labels: Labels, predictions: Labels, advice: str) -> list[str]:
    """Compare the spread of each target's predictions with that of its labels."""
    spread = np.array([_spread(column) for column in labels.T])
    share = np.divide(predictions.std(axis=0), spread, out=np.ones(len(spread)), where=spread > 0)
    names = [name for name, part in zip(targets.names, share, strict=True) if part < SMALL_SPREAD]
    if not names:
        return []
    smallest = f"{100 * share.min():.2g} %"
    return [
        f"test predictions of {_listed(names)} are nearly constant (standard deviation {smallest} of that of the "
        f"labels): {advice}"
    ]


def _classes(targets: Multiclass, labels: Labels, predictions: Labels, advice: str) -> list[str]:
    """Compare the number of predicted classes with that of the labels (m,)."""
    chosen = predictions[:, 0] if targets.per_position else predictions.argmax(axis=1)
    known, chosen = labels[~np.isnan(labels)], chosen[~np.isnan(labels)]
    if len(np.unique(known)) < 2 or len(np.unique(chosen)) > 1:
        return []
    items = "positions of test rows" if targets.per_position else "test rows"
    return [
        f"all {len(chosen):,} {items} are predicted as {targets.classes[int(chosen[0])]!r}, of "
        f"{len(np.unique(known)):,} classes: {advice}"
    ]


def _spread(labels: Labels) -> float:
    known = labels[~np.isnan(labels)]
    return float(known.std()) if len(known) else 0.0


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)
