"""What labels are: their kind, their scale, their loss, and the way back to units or probabilities.

Letters: n rows, B rows of a batch, T targets.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sma_core.errors import DataError

Labels = NDArray[np.float64]


@dataclass(frozen=True)
class Targets:
    """T label columns of one kind: ``regression``, ``binary`` (T = 1) or ``multilabel``.

    ``mean`` and ``spread`` (standard deviation) scale regression labels; they come from training rows
    only. Missing labels are NaN and count for nothing.
    """

    names: tuple[str, ...]
    kind: str
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    @classmethod
    def fit(cls, names: tuple[str, ...], kind: str, labels: Labels) -> Self:
        """Take the scale from the training labels (n, T); without a known label it is 0 and 1."""
        count = (~np.isnan(labels)).sum(axis=0).clip(min=1)
        mean = np.nansum(labels, axis=0) / count
        spread = np.sqrt(np.nansum((labels - mean) ** 2, axis=0) / count)
        spread = np.where(spread > 1e-12, spread, 1.0)
        return cls(names, kind, tuple(map(float, mean)), tuple(map(float, spread)))

    @classmethod
    def from_json(cls, facts: dict[str, Any]) -> Self:
        """Rebuild what `to_json` wrote."""
        return cls(tuple(facts["names"]), facts["kind"], tuple(facts["mean"]), tuple(facts["spread"]))

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``model.json``."""
        return asdict(self)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean over known labels: squared error of scaled labels, or binary cross-entropy.

        ``outputs`` (B, T) from the head; ``labels`` (B, T) with NaN where missing. Scalar, fp32.
        """
        outputs, labels = outputs.float(), labels.float()
        known = ~labels.isnan()
        labels = labels.nan_to_num(0.0)
        if self.kind == "regression":
            scaled = (labels - labels.new_tensor(self.mean)) / labels.new_tensor(self.spread)
            each = (outputs - scaled) ** 2
        else:
            each = functional.binary_cross_entropy_with_logits(outputs, labels, reduction="none")
        return (each * known).sum() / known.sum().clamp(min=1)

    def predictions(self, outputs: Tensor) -> Labels:
        """Turn outputs (n, T) into values in the labels' units, or probabilities."""
        outputs = outputs.double().cpu()
        if self.kind == "regression":
            values: Labels = outputs.numpy() * np.asarray(self.spread) + np.asarray(self.mean)
            return values
        return torch.sigmoid(outputs).numpy()


def guess_kind(labels: Labels) -> str:
    """Guess what labels (n, T) are: zeros and ones are classes, anything else is a measured value."""
    known = labels[~np.isnan(labels)]
    if np.isin(known, (0.0, 1.0)).all():
        return "multilabel" if labels.shape[1] > 1 else "binary"
    return "regression"


def check_labels(labels: Labels, names: tuple[str, ...], kind: str, where: str, rows: NDArray[np.int64]) -> None:
    """Raise `DataError` naming column, row and value when labels (n, T) do not fit ``kind``."""
    if kind == "binary" and len(names) > 1:
        raise DataError(f"binary takes one target column, not {len(names)}: use --kind multilabel")
    if kind == "regression":
        return
    odd = np.argwhere(~np.isnan(labels) & (labels != 0) & (labels != 1))
    if len(odd):
        row, column = odd[0]
        raise DataError(
            f"{where}, row {rows[row]}: the target {names[column]!r} is {labels[row, column]:g}, "
            f"but {kind} labels are 0 or 1; for measured values use --kind regression"
        )
