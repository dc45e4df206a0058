"""Write the metrics of a run for TensorBoard (extra ``tensorboard``)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sma_core.errors import UserError
from sma_core.plugins.events import Evaluated, Event, RunFailed, RunFinished, RunStarted, StepLogged
from sma_core.plugins.hookspecs import hookimpl


def require_tensorboard() -> None:
    """Raise `UserError` if tensorboard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401 - availability check
    except ImportError as error:
        raise UserError(
            "training.tensorboard requires the package tensorboard: pip install 'sma-core[tensorboard]', "
            "or remove the setting"
        ) from error


class TensorBoard:
    """Observer that writes to ``folder``; a resumed run replaces the steps that it repeats."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None

    @hookimpl
    def sma_on_event(self, event: Event) -> None:
        """Write the event's metrics under the names used in ``metrics.jsonl``."""
        match event:
            case RunStarted():
                from torch.utils.tensorboard import SummaryWriter

                self._writer = SummaryWriter(str(self._folder), purge_step=event.step or None)
            case StepLogged():
                for name in ("loss", "learning_rate", "samples_per_second", "epoch", "gradient_norm"):
                    self._write(name, getattr(event, name), event.step)
            case Evaluated():
                for name, value in event.metrics.items():
                    self._write(name, value, event.step)
                self._writer.flush()
            case RunFinished() | RunFailed():
                if self._writer is not None:
                    self._writer.close()
            case _:
                return

    def _write(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)
