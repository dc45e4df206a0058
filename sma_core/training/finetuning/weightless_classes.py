"""Find classes whose weights of rows sum to 0 or less, for which metrics of rankings are undefined."""

from __future__ import annotations

from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import MultiLabel


def weightless_classes(predicted: LabelledPredictions, rows: str) -> list[str]:
    """Return a sentence for each target with such a class; ``rows`` names the rows, such as ``test rows``."""
    targets, weights = predicted.targets, predicted.weights
    if weights is None or not isinstance(targets, MultiLabel):
        return []
    names = targets.values or ("0", "1")
    sentences = []
    for target, labels in zip(targets.names, predicted.labels.T, strict=True):
        sums = {names[k]: weights[labels == k].sum() for k in (0, 1) if (labels == k).any()}
        listed = " and ".join(f"{total:.4g} for {name!r}" for name, total in sums.items() if total <= 0)
        if listed:
            sentences.append(
                f"the weights of {rows} sum to {listed} of {target!r}: roc_auc and pr_auc need a positive sum of "
                "each class and are undefined"
            )
    return sentences
