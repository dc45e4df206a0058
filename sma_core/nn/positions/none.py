"""No positions: rows are sets, whose order tells nothing."""

from __future__ import annotations

from sma_core.config.models import ModelConfig


def no_positions(config: ModelConfig, width: int) -> None:
    """Return None, so that nothing is added to the embedding."""
