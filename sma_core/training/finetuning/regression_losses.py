"""Losses of values by name, as functions of residuals: predictions minus standardised labels."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

SQUARED_ERROR, ABSOLUTE_ERROR, HUBER = "squared-error", "absolute-error", "huber"


def _squared_error(residuals: Tensor, delta: float) -> Tensor:
    return residuals**2


def _absolute_error(residuals: Tensor, delta: float) -> Tensor:
    return residuals.abs()


def _huber(residuals: Tensor, delta: float) -> Tensor:
    """Half the square up to ``delta``, beyond it a line of slope ``delta`` (Huber 1964)."""
    sizes = residuals.abs()
    inside = sizes.clamp(max=delta)
    return inside * (sizes - inside / 2)


REGRESSION_LOSSES: dict[str, Callable[[Tensor, float], Tensor]] = {
    SQUARED_ERROR: _squared_error,
    ABSOLUTE_ERROR: _absolute_error,
    HUBER: _huber,
}
"""Loss of each residual, from residuals of any shape and ``huber_delta``, both in standard deviations."""


def one_sided(residuals: Tensor, sides: Tensor) -> Tensor:
    """Return residuals of limits, 0 on the permitted side; ``sides`` is 1 for labels above, -1 below, else 0."""
    residuals = residuals.where(sides <= 0, residuals.clamp(max=0.0))
    return residuals.where(sides >= 0, residuals.clamp(min=0.0))
