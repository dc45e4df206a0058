"""The core's own observers of a run, attached as a plugin's are."""

from __future__ import annotations

from sma_core.config import TrainingConfig
from sma_core.training.metrics_file import MetricsFile
from sma_core.training.observers import Observers
from sma_core.runs.run_folder import RunFolder
from sma_core.training.tensorboard import TensorBoard, require_tensorboard


def check_observers(training: TrainingConfig) -> None:
    """Raise `UserError` when TensorBoard is asked for and not installed."""
    if training.tensorboard:
        require_tensorboard()


def attached(observers: Observers, run: RunFolder, training: TrainingConfig) -> Observers:
    """Add the metrics file, without which no run goes on, and TensorBoard where it is asked for."""
    if training.tensorboard:
        observers.add(TensorBoard(run.path / "tensorboard"), "TensorBoard")
    observers.add(MetricsFile(run.metrics), "the metrics file", trusted=True)
    return observers
