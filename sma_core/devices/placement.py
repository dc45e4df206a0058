"""Resolve device, precision, ranks and strategy of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

import torch

from sma_core.config import TrainingConfig
from sma_core.devices.device import FixedPrecision, choose_device, choose_precision, warn_of_emulation
from sma_core.devices.parallel import FixedStrategy, choose_strategy
from sma_core.devices.ranks import Ranks


@dataclass(frozen=True)
class Placement:
    """Device and precision of this rank, and the strategy that distributes the model."""

    device: torch.device
    precision: FixedPrecision
    ranks: Ranks = field(default_factory=Ranks)
    strategy: FixedStrategy = "single"

    @classmethod
    def choose(cls, training: TrainingConfig, ranks: Ranks) -> Self:
        """Resolve the settings for this machine; raises `ConfigError` for unavailable ones."""
        device = choose_device(training.device)
        if device.type == "cuda" and not ranks.alone:
            device = torch.device("cuda", torch.cuda.current_device())
        precision = choose_precision(training.precision, device)
        if ranks.first:
            warn_of_emulation(precision, device, "use training.precision=fp32, also when resuming a run")
        return cls(device, precision, ranks, choose_strategy(training.strategy, ranks, precision))
