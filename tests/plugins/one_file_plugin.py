"""A plugin in one file: a command, a metric, a masking strategy and an optimiser, for every domain.

Its pyproject.toml names two entry points: ``any.lab`` in the group ``sma.plugins``, and
``"lab lengths: Count rows by length."`` in the group ``sma.commands``.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from sma_core.errors import UserError
from sma_core.plugins import MaskingStrategy, Metric, Optimizer, hookimpl, metric, metrics_in


def lengths(file: Annotated[Path, typer.Argument(help="A text file with a row on each line.")]) -> None:
    """Count the rows of a file by length."""
    if not file.is_file():
        raise UserError(f"there is no file {file}")
    counts = Counter(map(len, file.read_text().splitlines()))
    for length, rows in sorted(counts.items()):
        typer.echo(f"{length} {rows}")


@metric("within_1", "regression", higher_is_better=True)
def within_one(labels: Any, predictions: Any) -> float:  # arrays (n,)
    """Fraction of predictions within 1 of the label."""
    return float((abs(labels - predictions) <= 1).mean())


class Ends:
    """Hide the end of each row."""

    guided, hides = False, True

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options

    def most_visible(self, length: int, masking: Any) -> int:
        """Return an upper bound of the visible positions."""
        return length

    def choose(self, situation: Any) -> Any:
        """Return the mask (B, N), True where hidden."""
        import torch

        from sma_core.nn.masking import hide

        padding = situation.padding_mask  # (B, N)
        ranking = torch.arange(padding.shape[1], device=padding.device).expand(padding.shape)
        return hide(ranking / padding.shape[1], padding, situation.masking, situation.noise)


def sgd(groups: Any, config: Any) -> Any:
    """Stochastic gradient descent with momentum."""
    import torch

    return torch.optim.SGD(groups, lr=config.learning_rate, momentum=0.9)


@hookimpl
def sma_metrics() -> list[Metric]:
    """Return the functions marked `metric`."""
    return metrics_in(__name__)


@hookimpl
def sma_masking_strategies() -> list[MaskingStrategy]:
    """Return the strategy ``ends``."""
    return [MaskingStrategy(name="ends", summary="Hide the end of each row.", factory=f"{__name__}:Ends")]


@hookimpl
def sma_optimizers() -> list[Optimizer]:
    """Return the optimiser ``sgd``."""
    return [Optimizer(name="sgd", summary="SGD with momentum 0.9.", factory=f"{__name__}:sgd")]
