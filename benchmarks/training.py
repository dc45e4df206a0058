"""Training step of our trainer on batches in memory."""

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
"""Steps of the run, over part of which masking is annealed."""
BATCHES = 4
"""Number of different batches, used cyclically."""


class Stepping(Protocol):
    """Protocol of measured trainings."""

    @property
    def module(self) -> nn.Module:
        """Trained module."""
        ...

    def step(self) -> None:
        """Run one optimizer step on the next batch; on a GPU it is asynchronous."""
        ...


@dataclass(frozen=True)
class InMemory:
    """Source of batches in memory."""

    batches: Sequence[Batch]

    def batches_in(self, epoch: int) -> int:
        """Return the number of batches."""
        return len(self.batches)

    def batch(self, epoch: int, index: int) -> Batch:
        """Return the batch ``index``."""
        return self.batches[index]


def training_config(precision: FixedPrecision, device: torch.device, compiled: bool, seed: int) -> TrainingConfig:
    """Return training settings with the defaults of the recipes."""
    return TrainingConfig(steps=STEPS, precision=precision, device=str(device), compile=compiled, seed=seed)


def batches_of(workload: Workload, device: torch.device, seed: int) -> list[Batch]:
    """Draw the batches of a workload; for a GPU, in pinned memory as from data workers."""
    batches = workload.batches(BATCHES, seed)
    return [batch.pin_memory() for batch in batches] if device.type == "cuda" else batches


def settle(stepping: Stepping) -> None:
    """Run the first steps, after which memory use is constant."""
    for _ in range(FirstSteps.COUNT + 1):
        stepping.step()


class Training:
    """Our trainer, without evaluation and checkpoints."""

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
        placement = Placement(device, precision)
        self._trainer = Trainer(objective, source, config, STEPS, CheckpointStore(Path("never-saved")), placement)

    def step(self) -> None:
        """Run the trainer's step: batch to the device, masks, forward, backward, clipping, AdamW."""
        self._trainer._step()


def parameters(stepping: Stepping) -> int:
    """Return the number of trainable parameters."""
    return sum(tensor.numel() for tensor in stepping.module.parameters() if tensor.requires_grad)
