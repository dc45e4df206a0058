"""The state of a training beside its tensors, as a checkpoint holds it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, FiniteFloat, TypeAdapter, ValidationError

from sma_core.checkpoints.store import StoredCheckpoint
from sma_core.documents import first_fault
from sma_core.errors import CheckpointError

Count = Annotated[int, Field(ge=0, lt=1 << 63)]
Figure = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
"""A number that JSON has as null when it is NaN."""


@dataclass
class TrainingState:
    """Contents of a checkpoint's ``state.json``."""

    step: Count = 0
    epoch: Count = 0
    batch: Count = 0
    elapsed: FiniteFloat = 0.0
    window_loss: Figure = 0.0
    window_batches: Count = 0
    best_step: Count | None = None
    best_value: float | None = None
    waited: Count = 0
    """Number of consecutive evaluations after step 0 without improvement over the best checkpoint."""
    metrics: dict[str, Figure] | None = None
    scaler: dict[str, Any] | None = None
    skipped: Count = 0
    """Number of steps skipped because of a non-finite gradient."""
    skipped_in_a_row: Count = 0

    @classmethod
    def read(cls, checkpoint: StoredCheckpoint) -> Self:
        """Return the state of a checkpoint; raises `CheckpointError` when an entry is not of its type."""
        try:
            return TypeAdapter(cls).validate_python(checkpoint.state)
        except ValidationError as error:
            raise CheckpointError(f"{checkpoint.folder} is damaged: state.json: {first_fault(error)}") from error
