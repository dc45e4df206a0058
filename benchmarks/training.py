"""A training step of ours: the step of the trainer itself, on batches that are already in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from benchmarks.workloads import Workload
from sma_core.checkpoints.store import CheckpointStore
from sma_core.config import TrainingConfig
from sma_core.data.batching.batches import Batch
from sma_core.devices.device import FixedPrecision, seeded
from sma_core.devices.placement import Placement
from sma_core.memory import FirstSteps
from sma_core.nn.model import SMA
from sma_core.training.loop import Trainer
from sma_core.training.pretraining import PretrainObjective

STEPS = 100_000
"""Of the run that the measured steps belong to: the choice of masks is annealed over a part of them."""
BATCHES = 4
"""Different batches, taken in turn."""


class Stepping(Protocol):
    """What is compared: something that makes a training step on the next batch."""

    @property
    def module(self) -> nn.Module:
        """What is trained."""
        ...

    def step(self) -> None:
        """Make one optimiser step; on a GPU it may still be under way afterwards."""
        ...


@dataclass(frozen=True)
class InMemory:
    """Batches that are there, as a source of the trainer's stream."""

    batches: Sequence[Batch]

    def batches_in(self, epoch: int) -> int:
        """Return the number of batches."""
        return len(self.batches)

    def batch(self, epoch: int, index: int) -> Batch:
        """Return one of them."""
        return self.batches[index]


def training_config(precision: FixedPrecision, device: torch.device, compiled: bool, seed: int) -> TrainingConfig:
    """Return settings of a training, as the recipes leave them."""
    return TrainingConfig(steps=STEPS, precision=precision, device=str(device), compile=compiled, seed=seed)


def batches_of(workload: Workload, device: torch.device, seed: int) -> list[Batch]:
    """Draw the batches of a workload; for a GPU in page-locked memory, as data workers leave them."""
    batches = workload.batches(BATCHES, seed)
    return [batch.pin_memory() for batch in batches] if device.type == "cuda" else batches


def settle(stepping: Stepping) -> None:
    """Make the steps behind which a training's memory stays as it is."""
    for _ in range(FirstSteps.COUNT + 1):
        stepping.step()


class Training:
    """Our trainer, standing before its first step. It never evaluates and never saves."""

    def __init__(
        self,
        workload: Workload,
        device: torch.device,
        precision: FixedPrecision = "fp32",
        compiled: bool = False,
        seed: int = 0,
        checkpointed: bool = False,
    ) -> None:
        config = training_config(precision, device, compiled, seed)
        with seeded(seed):
            self.module = SMA(workload.model, workload.inputs)
        self.module.encoder.activation_checkpointing = checkpointed
        objective = PretrainObjective(self.module, workload.masking, [], STEPS, compiled)
        source = InMemory(batches_of(workload, device, seed))
        place = Placement(device, precision)
        self._trainer = Trainer(objective, source, config, STEPS, CheckpointStore(Path("never-saved")), place)

    def step(self) -> None:
        """Make the trainer's step: batch to the device, masks, forward, backward, clipping, AdamW."""
        self._trainer._step()


def parameters(stepping: Stepping) -> int:
    """Count the numbers that are learned."""
    return sum(each.numel() for each in stepping.module.parameters() if each.requires_grad)
