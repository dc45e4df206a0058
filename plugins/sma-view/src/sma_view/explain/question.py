"""The number that is explained: one output of a fine-tuned run, in a unit of its own.

Letters: B rows of a batch, N padded length, O outputs, C classes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from sma_core.errors import UserError
from sma_core.models.loaded_run import LoadedRun
from sma_core.training.finetuning.targets import Binary, Multiclass, Regression, Targets


@dataclass(frozen=True)
class Question:
    """One target of a run, and of classes the one that is explained.

    ``output`` is the column of the network's outputs; ``label`` an index into the classes, None for the most
    probable class of each row; ``position`` the explained one of labels of positions, counted from 1.
    """

    targets: Targets
    output: int
    label: int | None = None
    position: int | None = None

    @classmethod
    def of(
        cls, run: LoadedRun, target: str | None = None, label: str | None = None, position: int | None = None
    ) -> Question:
        """Return the question about ``target`` and the class ``label`` of a run.

        Raises `CheckpointError` for a pre-trained run, `UserError` for labels of positions without a ``position``,
        for one with labels of rows, for several targets of which none is named, and for a target or class that the
        run does not have.
        """
        targets = run.needed_targets()
        if targets.per_position and position is None:
            raise UserError(
                f"{run.path} predicts a symbol for every position: name the one to explain with `position`, from 1"
            )
        if position is not None and (position < 1 or not targets.per_position):
            raise UserError(
                f"`position={position}`: positions are counted from 1"
                if targets.per_position
                else f"{run.path} predicts whole rows, not positions: omit `position`"
            )
        if target is None and len(targets.names) > 1:
            raise UserError(f"{run.path} predicts {_listed(targets.names)}: name one with `target`")
        if target is not None and target not in targets.names:
            raise UserError(f"{run.path} predicts {_listed(targets.names)}, not {target!r}")
        output = 0 if target is None else targets.names.index(target)
        if label is None:
            return cls(targets, output, None, position)
        classes = targets.classes if isinstance(targets, Multiclass | Binary) else ()
        if label not in classes:
            known = f"its classes are {_listed(classes)}" if classes else "its labels have no named classes"
            raise UserError(f"{run.path} knows no class {label!r}: {known}")
        return cls(targets, output, classes.index(label), position)

    @property
    def target(self) -> str:
        """Name of the target."""
        return self.targets.names[self.output]

    @property
    def is_regression(self) -> bool:
        """Whether the labels are numbers."""
        return isinstance(self.targets, Regression)

    @property
    def unit(self) -> str:
        """What the values are measured in: the unit of the labels, or log-odds of a class."""
        if self.is_regression:
            return f"the unit of {self.target}"
        if not isinstance(self.targets, Multiclass):
            return f"log-odds of {self.target} = {self.class_name(self.label)}"
        named = "the most probable class" if self.label is None else self.class_name(self.label)
        at = "" if self.position is None else f" at position {self.position}"
        return f"log-odds of {self.target} = {named}{at}"

    @property
    def offset(self) -> float:
        """What `scores` leave out: the mean label, in which small differences would be lost."""
        return self.targets.mean[self.output] if isinstance(self.targets, Regression) else 0.0

    def class_name(self, label: int | None) -> str:
        """Return the name of a class; of zeros and ones without names, and by default, the positive one."""
        classes = self.targets.classes if isinstance(self.targets, Multiclass | Binary) else ()
        positive = 1 if label is None else label
        return classes[positive] if classes else str(positive)

    def labels(self, outputs: Tensor) -> Tensor:
        """Return the class (B,) int64 that is explained for each row, from outputs (B, O) or (B, N, C)."""
        outputs = self._at_position(outputs)
        if isinstance(self.targets, Multiclass) and self.label is None:
            return outputs.argmax(dim=1)
        label = 1 if self.label is None else self.label
        return torch.full((len(outputs),), label, dtype=torch.int64, device=outputs.device)

    def scores(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the explained number (B,) of each row from outputs (B, O) or (B, N, C) and classes of `labels`.

        That is a value in the unit of the labels less `offset`, or the log-odds of the class: the logarithm of its
        probability divided by that of all others; NaN for a position beyond N.
        """
        outputs = self._at_position(outputs.float())
        if isinstance(self.targets, Multiclass):
            own = outputs.gather(1, labels[:, None])[:, 0]
            others = outputs.scatter(1, labels[:, None], -torch.inf)
            return own - others.logsumexp(dim=1)
        values = outputs[:, self.output]
        if isinstance(self.targets, Regression):
            return values * self.targets.spread[self.output]
        return torch.where(labels == 1, values, -values)

    def _at_position(self, outputs: Tensor) -> Tensor:
        """Return the outputs (B, C) of the explained position; those of rows (B, O) as they are."""
        if self.position is None:
            return outputs
        if self.position > outputs.shape[1]:
            return outputs.new_full((len(outputs), outputs.shape[2]), math.nan)
        return outputs[:, self.position - 1]


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:12])
    return shown if len(names) <= 12 else f"{shown} and {len(names) - 12} more"
