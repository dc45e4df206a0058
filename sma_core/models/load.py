"""`load`: load a run to predict or embed rows in memory."""

from __future__ import annotations

from pathlib import Path

from sma_core.config.training import Precision
from sma_core.models.loaded_run import LoadedRun
from sma_core.plugins.discovery import PluginPolicy


def load(
    run: str | Path,
    *,
    device: str = "auto",
    precision: Precision = "fp32",
    step: int | None = None,
    policy: PluginPolicy | None = None,
) -> LoadedRun:
    """Load a run of `train` or `finetune`.

    ``precision`` is as in `sma_core.embed`. ``step`` is that of a checkpoint, such as one of
    ``training.milestones``; None is the newest of a pre-trained run and the best of a fine-tuned run.

    Raises:
        CheckpointError: ``run`` is not a run folder, is damaged, or has no checkpoint of ``step``.
        PluginError: The run's domain or tokenizer is not installed.
    """
    return LoadedRun.load(Path(run), device, policy, precision, step)
