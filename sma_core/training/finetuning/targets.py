"""Kinds of labels: scaling, loss, and conversion of outputs to units, probabilities or class names.

Symbols: n rows, B rows of a batch, N padded length, T targets, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from torch import Tensor
from torch.nn import functional

from sma_core.data.scaling import check_numbers, is_spread
from sma_core.documents import first_fault
from sma_core.errors import CheckpointError, ConfigError
from sma_core.training.finetuning.regression_losses import REGRESSION_LOSSES, SQUARED_ERROR

Labels = NDArray[np.float64]

MOST_PROBABILITIES = 20
"""Maximum number of classes with a column of predictions each."""
_UNKNOWN = -100
"""Index of a missing class in the cross-entropy."""


@dataclass(frozen=True)
class Targets(ABC):
    """T label columns of one kind; missing labels are NaN and ignored."""

    names: tuple[str, ...]

    kind: ClassVar[str]
    per_position: ClassVar[bool] = False
    """Whether labels belong to positions instead of rows."""

    @staticmethod
    def fit(names: tuple[str, ...], kind: str, labels: Labels, classes: Sequence[str] = ()) -> Targets:
        """Fit targets of ``kind`` to training labels (n, T), with the class names."""
        return _KINDS[kind].fitted(names, labels, tuple(classes))

    @staticmethod
    def from_json(facts: Mapping[str, Any]) -> Targets:
        """Rebuild what `to_json` wrote; raises `CheckpointError` for an unknown kind, `ValueError` for damage."""
        name = facts.get("kind") if isinstance(facts, Mapping) else None
        if not isinstance(name, str):
            raise ValueError("labels without a kind")
        if name not in _KINDS:
            raise CheckpointError(f"labels of kind {name!r} are unknown: upgrade sma-core")
        kind = _KINDS[name]
        names = {entry.name for entry in fields(kind)}
        try:
            targets = TypeAdapter(kind).validate_python({key: facts[key] for key in names & facts.keys()})
        except ValidationError as error:
            raise ValueError(first_fault(error)) from error
        targets.check_sizes()
        return targets

    def check_sizes(self) -> None:
        """Raise `ValueError` when numbers of the targets are missing, not finite, or do not fit their names."""
        if not self.names or self.outputs < 1:
            raise ValueError("there must be a name, and a class")

    @classmethod
    @abstractmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Fit targets of this kind to training labels (n, T); see `fit`."""

    def balanced(self, labels: Labels) -> Targets:
        """Return these targets with class weights inversely proportional to class frequencies.

        ``labels`` are those of training rows (n, T) or positions (m, 1). A class without labels has weight 1.
        Raises `ConfigError` if labels are not classes.
        """
        raise ConfigError(f"class_weights requires class labels, not labels of kind {self.kind}: remove it")

    def with_loss(self, name: str, delta: float) -> Targets:
        """Return these targets with a loss of `REGRESSION_LOSSES`; raises `ConfigError` if labels are not values.

        ``delta`` is the parameter of the Huber loss.
        """
        raise ConfigError(f"`loss={name}` requires numbers as labels, not labels of kind {self.kind}: remove it")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for ``model.json``."""
        return {"kind": self.kind, **asdict(self)}

    @property
    def outputs(self) -> int:
        """Number of outputs of the head: one per target, unless the kind says otherwise."""
        return len(self.names)

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the two classes of binary labels, the positive last; empty when labels are numbers."""
        return ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of predictions."""
        return self.names

    @property
    def first_is_name(self) -> bool:
        """Whether the first column of predictions has names of classes."""
        return False

    @abstractmethod
    def loss(self, outputs: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the mean loss over known labels, a scalar in fp32.

        ``outputs`` (B, outputs) from the head and ``labels`` (B, T); or (B, N, outputs) and (B, N). ``weights``
        have the shape of the labels and multiply their losses; the sum is divided by the number of known labels.
        """

    @abstractmethod
    def predictions(self, outputs: Tensor) -> Labels:
        """Convert outputs to values in the labels' units, probabilities, or classes of positions (B, N)."""

    def scored(self, labels: Labels, predictions: Labels) -> tuple[Labels, Labels]:
        """Return labels and predictions as inputs of metrics, one row per scored item."""
        return labels, predictions

    def scored_counts(self, labels: Labels) -> NDArray[np.int64]:
        """Return the number of scored items per row (n,): one, or the number of known positions."""
        return np.ones(len(labels), dtype=np.int64)

    def cells(self, prediction: Labels) -> list[float | str]:
        """Return the prediction of one row as cells of `columns`."""
        return list(prediction.tolist())


@dataclass(frozen=True)
class Regression(Targets):
    """Real values, standardised with ``mean`` and ``spread`` (standard deviation) of the training rows.

    ``loss_name`` is the loss of standardised labels; ``huber_delta`` is in standard deviations.
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    loss_name: str = SQUARED_ERROR
    huber_delta: float = 1.0

    kind: ClassVar[str] = "regression"

    @classmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Compute mean and spread of training labels (n, T); 0 and 1 without known labels."""
        count = (~np.isnan(labels)).sum(axis=0).clip(min=1)
        mean = np.nansum(labels, axis=0) / count
        spread = np.sqrt(np.nansum((labels - mean) ** 2, axis=0) / count)
        spread = np.where(is_spread(spread, mean), spread, 1.0)
        return cls(names, tuple(map(float, mean)), tuple(map(float, spread)))

    def check_sizes(self) -> None:
        """Raise `ValueError` unless each target has a finite mean and a positive, finite spread."""
        super().check_sizes()
        check_numbers(self.mean, len(self.names), "mean")
        check_numbers(self.spread, len(self.names), "spread", positive=True)
        check_numbers((self.huber_delta,), 1, "huber_delta", positive=True)
        if self.loss_name not in REGRESSION_LOSSES:
            raise ValueError(f"the loss {self.loss_name!r} is unknown")

    def with_loss(self, name: str, delta: float) -> Targets:
        """Return these targets with another loss of standardised labels."""
        return replace(self, loss_name=name, huber_delta=delta)

    def loss(
        self, outputs: Tensor, labels: Tensor, weights: Tensor | None = None, sides: Tensor | None = None
    ) -> Tensor:
        """Return the mean of the loss ``loss_name`` over standardised labels.

        ``sides`` (B, T) is 1 where a label is a limit that the true one is above, -1 where below, else 0: there is
        no loss on the permitted side.
        """
        mean, spread = labels.new_tensor(self.mean), labels.new_tensor(self.spread)
        scaled = ((labels.nan_to_num(0.0) - mean) / spread).float()
        residuals = outputs.float() - scaled
        if sides is not None:
            residuals = residuals.where(sides <= 0, residuals.clamp(max=0)).where(
                sides >= 0, residuals.clamp(min=0)
            )
        losses = REGRESSION_LOSSES[self.loss_name](residuals, self.huber_delta)
        return _mean_of_known(losses, labels, weights)

    def predictions(self, outputs: Tensor) -> Labels:
        """Convert outputs (n, T) to values in the labels' units."""
        values: Labels = outputs.double().cpu().numpy() * np.asarray(self.spread) + np.asarray(self.mean)
        return values


@dataclass(frozen=True)
class MultiLabel(Targets):
    """Labels 0 and 1 in several columns.

    ``positive_weights`` and ``negative_weights`` (T) are the loss weights of the labels 1 and 0 in each column;
    empty: 1.
    """

    positive_weights: tuple[float, ...] = ()
    negative_weights: tuple[float, ...] = ()

    kind: ClassVar[str] = "multilabel"

    @classmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Return the targets; labels are not used."""
        return cls(names)

    def check_sizes(self) -> None:
        """Raise `ValueError` unless the weights, if any, are finite, one for each target."""
        super().check_sizes()
        check_numbers(self.positive_weights, len(self.names) if self.positive_weights else 0, "positive_weights")
        check_numbers(self.negative_weights, len(self.names) if self.negative_weights else 0, "negative_weights")

    def balanced(self, labels: Labels) -> Targets:
        """Weight each column so that ones and zeros have equal total weight."""
        ones, zeros = (labels == 1).sum(axis=0), (labels == 0).sum(axis=0)
        weights = np.where((ones > 0) & (zeros > 0), zeros / ones.clip(min=1), 1.0)
        return replace(self, positive_weights=tuple(map(float, weights)))

    def loss(self, outputs: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the binary cross-entropy."""
        outputs, labels = outputs.float(), labels.float()
        expected = labels.nan_to_num(0.0)
        of_ones = outputs.new_tensor(self.positive_weights) if self.positive_weights else None
        losses = functional.binary_cross_entropy_with_logits(
            outputs, expected, reduction="none", pos_weight=of_ones
        )
        if self.negative_weights:
            losses = losses * torch.where(expected == 0, outputs.new_tensor(self.negative_weights), 1.0)
        return _mean_of_known(losses, labels, weights)

    def predictions(self, outputs: Tensor) -> Labels:
        """Convert outputs (n, T) to probabilities."""
        return torch.sigmoid(outputs.double().cpu()).numpy()


@dataclass(frozen=True)
class Binary(MultiLabel):
    """Labels 0 and 1 in one column; ``classes`` are their names, the positive last, if they have names."""

    classes: tuple[str, ...] = ()

    kind: ClassVar[str] = "binary"

    @classmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Return the targets with the names of the classes."""
        return cls(names, classes=classes)

    @property
    def values(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.classes

    @property
    def first_is_name(self) -> bool:
        """Whether classes have names."""
        return bool(self.classes)

    @property
    def columns(self) -> tuple[str, ...]:
        """The probability; with named classes, the class and the probability of the positive one."""
        return (self.names[0], f"{self.names[0]}:{self.classes[1]}") if self.classes else self.names

    def cells(self, prediction: Labels) -> list[float | str]:
        """Return the probability, with named classes after the more probable class."""
        named = [self.classes[int(prediction[0] > 0.5)]] if self.classes else []
        return [*named, *super().cells(prediction)]


@dataclass(frozen=True)
class Multiclass(Targets):
    """One of several classes; labels are indices into ``classes``.

    ``class_weights`` (C) are the loss weights of classes; empty: 1.
    """

    classes: tuple[str, ...]
    class_weights: tuple[float, ...] = ()

    kind: ClassVar[str] = "multiclass"

    @classmethod
    def fitted(cls, names: tuple[str, ...], labels: Labels, classes: tuple[str, ...]) -> Targets:
        """Return the targets with the classes of all rows."""
        return cls(names, classes)

    def check_sizes(self) -> None:
        """Raise `ValueError` unless the weights, if any, are finite, one for each class."""
        super().check_sizes()
        check_numbers(self.class_weights, len(self.classes) if self.class_weights else 0, "class_weights")

    def balanced(self, labels: Labels) -> Targets:
        """Weight classes so that all have equal total weight; the mean weight of a label is 1."""
        known = labels[~np.isnan(labels)].astype(np.int64)
        counts = np.bincount(known, minlength=len(self.classes))
        weights = len(known) / (counts.clip(min=1) * (counts > 0).sum().clip(min=1))
        return replace(self, class_weights=tuple(map(float, np.where(counts > 0, weights, 1.0))))

    @property
    def outputs(self) -> int:
        """Number of outputs of the head: one per class."""
        return len(self.classes)

    @property
    def first_is_name(self) -> bool:
        """The first column has the class, or the symbols of a row."""
        return True

    @property
    def columns(self) -> tuple[str, ...]:
        """The class, and the probability of each class; with over 20 classes only that of the predicted one."""
        name = self.names[0]
        if len(self.classes) > MOST_PROBABILITIES:
            return (name, f"{name}:probability")
        return (name, *(f"{name}:{label}" for label in self.classes))

    def loss(self, outputs: Tensor, labels: Tensor, weights: Tensor | None = None) -> Tensor:
        """Return the cross-entropy of outputs (…, C); labels (…) or (B, 1)."""
        losses = functional.cross_entropy(
            outputs.float().flatten(0, -2),  # (rows or positions, C)
            labels.float().nan_to_num(_UNKNOWN).flatten().long(),
            weight=outputs.new_tensor(self.class_weights, dtype=torch.float32) if self.class_weights else None,
            ignore_index=_UNKNOWN,
            reduction="none",
        )
        return _mean_of_known(losses, labels.flatten(), None if weights is None else weights.flatten())

    def predictions(self, outputs: Tensor) -> Labels:
        """Convert outputs (n, C) to probabilities."""
        return torch.softmax(outputs.double().cpu(), dim=-1).numpy()

    def cells(self, prediction: Labels) -> list[float | str]:
        """Return the class and the probabilities of all classes, or of the predicted one."""
        best = int(prediction.argmax())
        shown = prediction if len(self.classes) <= MOST_PROBABILITIES else prediction[best : best + 1]
        return [self.classes[best], *super().cells(shown)]


@dataclass(frozen=True)
class PerPosition(Multiclass):
    """One symbol per character; labels are indices into ``classes`` (B, N), NaN where unknown."""

    kind: ClassVar[str] = "per-position"
    per_position: ClassVar[bool] = True

    @property
    def columns(self) -> tuple[str, ...]:
        """One column with all symbols of a row."""
        return self.names

    def predictions(self, outputs: Tensor) -> Labels:
        """Return the most probable class of every position (B, N)."""
        return outputs.argmax(dim=-1).double().cpu().numpy()

    def probabilities(self, outputs: Tensor) -> Labels:
        """Convert outputs (B, N, C) to probabilities."""
        return super().predictions(outputs)

    def scored(self, labels: Labels, predictions: Labels) -> tuple[Labels, Labels]:
        """Return labels and predictions of known positions, (positions, 1) each."""
        known = ~np.isnan(labels)
        return labels[known][:, None], predictions[known][:, None]

    def scored_counts(self, labels: Labels) -> NDArray[np.int64]:
        """Count the known positions of each row."""
        counts: NDArray[np.int64] = (~np.isnan(labels)).sum(axis=1, dtype=np.int64)
        return counts

    def cells(self, prediction: Labels) -> list[float | str]:
        """Return the symbols of all positions that are not NaN as one cell."""
        return ["".join(self.classes[int(label)] for label in prediction[~np.isnan(prediction)])]


_KINDS: dict[str, type[Targets]] = {
    kind.kind: kind for kind in (Regression, Binary, MultiLabel, Multiclass, PerPosition)
}


def is_per_position(kind: str) -> bool:
    """Return whether labels of this kind belong to positions."""
    return _KINDS[kind].per_position


def _mean_of_known(losses: Tensor, labels: Tensor, weights: Tensor | None) -> Tensor:
    known = ~labels.isnan()
    losses = losses if weights is None else losses * weights
    return (losses * known).sum() / known.sum().clamp(min=1)
