"""What labels are: their kind, their scale, their loss, and the way back to units, probabilities or names.

Letters: n rows, B rows of a batch, N padded length, T targets, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from sma_core.errors import CheckpointError, ConfigError, DataError

Labels = NDArray[np.float64]

MOST_PROBABILITIES = 20
"""Up to this many classes each gets a column of predictions."""
_UNKNOWN = -100
"""What stands for a missing class in the cross-entropy."""


@dataclass(frozen=True)
class Targets(ABC):
    """T label columns of one kind. Missing labels are NaN and count for nothing."""

    names: tuple[str, ...]

    kind: ClassVar[str]
    per_position: ClassVar[bool] = False
    """Whether there is a label for every position of a row, and not for the row."""

    @staticmethod
    def fit(names: tuple[str, ...], kind: str, labels: Labels, classes: Sequence[str] = ()) -> Targets:
        """Make the targets of a kind from the training labels (n, T), and from the names of the classes."""
        return _KINDS[kind].fitted(names, labels, tuple(classes))

    @staticmethod
    def from_json(facts: dict[str, Any]) -> Targets:
        """Rebuild what `to_json` wrote; raises `CheckpointError` for a kind of a later version."""
        if facts["kind"] not in _KINDS:
            raise CheckpointError(f"labels of kind {facts['kind']!r} are not known here: upgrade sma-core")
        return _KINDS[facts["kind"]].rebuilt(facts)

    @classmethod
    @abstractmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Make targets of this kind; arguments as in `fit`."""

    @classmethod
    @abstractmethod
    def rebuilt(cls, facts: dict[str, Any]) -> Targets:
        """Rebuild targets of this kind."""

    def balanced(self, labels: Labels) -> Targets:
        """Return these targets with weights under which rare classes count for as much as common ones.

        ``labels`` (n, T) are those of the training rows, or (m, 1) those of their positions. A class without any
        keeps the weight 1. Raises `ConfigError` where labels are no classes.
        """
        raise ConfigError(f"class_weights are for classes, not for labels of the kind {self.kind}: leave it out")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``model.json``."""
        return {"kind": self.kind, **asdict(self)}

    @property
    @abstractmethod
    def outputs(self) -> int:
        """How many outputs a head needs."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns that predictions are written to."""
        return self.names

    @abstractmethod
    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss over known labels, a scalar in fp32.

        ``outputs`` (B, outputs) from the head and ``labels`` (B, T); or (B, N, outputs) and (B, N).
        """

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Labels:
        """Turn outputs into values in the labels' units, probabilities, or classes of positions (B, N)."""

    def scored(self, labels: Labels, predictions: Labels) -> tuple[Labels, Labels]:
        """Return labels and predictions in the form that metrics take: one row for each thing judged."""
        return labels, predictions

    def scored_counts(self, labels: Labels) -> NDArray[np.int64]:
        """Return how many things `scored` gives for each row (n,): one, or its known positions."""
        return np.ones(len(labels), dtype=np.int64)

    def cells(self, prediction: Labels) -> list[float | str]:
        """Give the prediction of one row as the cells of `columns`."""
        return list(prediction.tolist())


@dataclass(frozen=True)
class Regression(Targets):
    """Measured values; ``mean`` and ``spread`` (standard deviation) come from training rows only."""

    mean: tuple[float, ...]
    spread: tuple[float, ...]

    kind: ClassVar[str] = "regression"

    @classmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Take the scale from the training labels (n, T); without a known label it is 0 and 1."""
        count = (~np.isnan(labels)).sum(axis=0).clip(min=1)
        mean = np.nansum(labels, axis=0) / count
        spread = np.sqrt(np.nansum((labels - mean) ** 2, axis=0) / count)
        spread = np.where(spread > 1e-12, spread, 1.0)
        return cls(names, tuple(map(float, mean)), tuple(map(float, spread)))

    @classmethod
    def rebuilt(cls, facts: dict[str, Any]) -> Targets:
        """Rebuild names and scale."""
        return cls(tuple(facts["names"]), tuple(facts["mean"]), tuple(facts["spread"]))

    @property
    def outputs(self) -> int:
        """One for each target."""
        return len(self.names)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean squared error of scaled labels."""
        labels = labels.float()
        scaled = (labels.nan_to_num(0.0) - labels.new_tensor(self.mean)) / labels.new_tensor(self.spread)
        return _mean_of_known((outputs.float() - scaled) ** 2, labels)

    def predictions(self, outputs: Tensor) -> Labels:
        """Turn outputs (n, T) into values in the labels' units."""
        values: Labels = outputs.double().cpu().numpy() * np.asarray(self.spread) + np.asarray(self.mean)
        return values


@dataclass(frozen=True)
class MultiLabel(Targets):
    """Zeros and ones in several columns.

    ``positive_weights`` (T) is how much a one of each column counts in the loss; empty: as much as a zero.
    """

    positive_weights: tuple[float, ...] = ()

    kind: ClassVar[str] = "multilabel"

    @classmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """There is nothing to take from the labels."""
        return cls(names)

    @classmethod
    def rebuilt(cls, facts: dict[str, Any]) -> Targets:
        """Rebuild names and weights."""
        return cls(tuple(facts["names"]), tuple(facts.get("positive_weights", ())))

    def balanced(self, labels: Labels) -> Targets:
        """Let the ones of each column weigh as much together as its zeros."""
        ones, zeros = (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)
        weights = np.where((ones > 0) & (zeros > 0), zeros / ones.clip(min=1), 1.0)
        return replace(self, positive_weights=tuple(map(float, weights)))

    @property
    def outputs(self) -> int:
        """One for each target."""
        return len(self.names)

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the binary cross-entropy."""
        outputs, labels = outputs.float(), labels.float()
        wanted = labels.nan_to_num(0.0)
        weights = outputs.new_tensor(self.positive_weights) if self.positive_weights else None
        each = functional.binary_cross_entropy_with_logits(outputs, wanted, reduction="none", pos_weight=weights)
        return _mean_of_known(each, labels)

    def predictions(self, outputs: Tensor) -> Labels:
        """Turn outputs (n, T) into probabilities."""
        return torch.sigmoid(outputs.double().cpu()).numpy()


@dataclass(frozen=True)
class Binary(MultiLabel):
    """Zeros and ones in one column."""

    kind: ClassVar[str] = "binary"


@dataclass(frozen=True)
class Multiclass(Targets):
    """One class of several; labels are indices into ``classes``.

    ``class_weights`` (C) is how much a label of each class counts in the loss; empty: all alike.
    """

    classes: tuple[str, ...]
    class_weights: tuple[float, ...] = ()

    kind: ClassVar[str] = "multiclass"

    @classmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Keep the classes, which are those of all rows."""
        return cls(names, classes)

    @classmethod
    def rebuilt(cls, facts: dict[str, Any]) -> Targets:
        """Rebuild names, classes and weights."""
        return cls(tuple(facts["names"]), tuple(facts["classes"]), tuple(facts.get("class_weights", ())))

    def balanced(self, labels: Labels) -> Targets:
        """Let all classes that occur weigh alike together; the mean weight of a label is 1."""
        known = labels[~np.isnan(labels)].astype(np.int64)
        counts = np.bincount(known, minlength=len(self.classes))
        weights = len(known) / (counts.clip(min=1) * (counts > 0).sum().clip(min=1))
        return replace(self, class_weights=tuple(map(float, np.where(counts > 0, weights, 1.0))))

    @property
    def outputs(self) -> int:
        """One for each class."""
        return len(self.classes)

    @property
    def columns(self) -> tuple[str, ...]:
        """The class, and a probability for each; with very many classes only that of the class."""
        name = self.names[0]
        if len(self.classes) > MOST_PROBABILITIES:
            return (name, f"{name}:probability")
        return (name, *(f"{name}:{each}" for each in self.classes))

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of outputs (…, C); labels (…) or (B, 1)."""
        each = functional.cross_entropy(
            outputs.float().flatten(0, -2),  # (rows or positions, C)
            labels.float().nan_to_num(_UNKNOWN).flatten().long(),
            weight=outputs.new_tensor(self.class_weights, dtype=torch.float32) if self.class_weights else None,
            ignore_index=_UNKNOWN,
            reduction="none",
        )
        return _mean_of_known(each, labels.flatten())

    def predictions(self, outputs: Tensor) -> Labels:
        """Turn outputs (n, C) into probabilities."""
        return torch.softmax(outputs.double().cpu(), dim=-1).numpy()

    def cells(self, prediction: Labels) -> list[float | str]:
        """Give the class and its probability, or those of all classes."""
        best = int(prediction.argmax())
        shown = prediction if len(self.classes) <= MOST_PROBABILITIES else prediction[best : best + 1]
        return [self.classes[best], *super().cells(shown)]


@dataclass(frozen=True)
class PerPosition(Multiclass):
    """A symbol for every character; labels are indices into ``classes`` (B, N), NaN where nothing is known."""

    kind: ClassVar[str] = "per-position"
    per_position: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        """One column with all symbols of a row."""
        return self.names

    def predictions(self, outputs: Tensor) -> Labels:
        """Give the most probable class of every position (B, N)."""
        return outputs.argmax(dim=-1).double().cpu().numpy()

    def scored(self, labels: Labels, predictions: Labels) -> tuple[Labels, Labels]:
        """Let each known position count once: (positions, 1) both."""
        known = ~np.isnan(labels)
        return labels[known][:, None], predictions[known][:, None]

    def scored_counts(self, labels: Labels) -> NDArray[np.int64]:
        """Count the known positions of each row."""
        counts: NDArray[np.int64] = (~np.isnan(labels)).sum(axis=1, dtype=np.int64)
        return counts

    def cells(self, prediction: Labels) -> list[float | str]:
        """Give the symbols of the positions where one is due; the others are NaN."""
        return ["".join(self.classes[int(at)] for at in prediction[~np.isnan(prediction)])]


_KINDS: dict[str, type[Targets]] = {
    kind.kind: kind for kind in (Regression, Binary, MultiLabel, Multiclass, PerPosition)
}


def is_per_position(kind: str) -> bool:
    """Whether labels of this kind stand at every position."""
    return _KINDS[kind].per_position


def _mean_of_known(each: Tensor, labels: Tensor) -> Tensor:
    known = ~labels.isnan()
    return (each * known).sum() / known.sum().clamp(min=1)


def guess_kind(labels: Labels, classes: Sequence[str] = ()) -> str:
    """Guess what labels (n, T) are: names or zeros and ones are classes, anything else is a measured value."""
    if classes:
        return Multiclass.kind
    known = labels[~np.isnan(labels)]
    if np.isin(known, (0.0, 1.0)).all():
        return MultiLabel.kind if labels.shape[1] > 1 else Binary.kind
    return Regression.kind


def check_labels(labels: Labels, names: tuple[str, ...], kind: str, where: str, rows: NDArray[np.int64]) -> None:
    """Raise `DataError` naming column, row and value when labels (n, T) do not fit ``kind``."""
    check_columns(names, kind)
    if kind not in (Binary.kind, MultiLabel.kind):
        return
    odd = np.argwhere(~np.isnan(labels) & (labels != 0) & (labels != 1))
    if len(odd):
        row, column = odd[0]
        raise DataError(
            f"{where}, row {rows[row]}: the target {names[column]!r} is {labels[row, column]:g}, "
            f"but {kind} labels are 0 or 1; for measured values use --kind regression"
        )


def check_columns(names: tuple[str, ...], kind: str) -> None:
    """Raise `DataError` when a kind that takes one target column is given several."""
    if kind == Binary.kind and len(names) > 1:
        raise DataError(f"binary takes one target column, not {len(names)}: use --kind multilabel")
    if issubclass(_KINDS[kind], Multiclass) and len(names) > 1:
        raise DataError(f"{kind} takes one target column, not {len(names)}: name one with --target")
