"""Comparison of our tensors with recorded ones.

The tolerance is relative to the largest absolute recorded value, clamped to a minimum of 1 (0.1 for gradients).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

VALUE_SHARE, TRAINING_SHARE = 1e-5, 1e-4
VALUE_FLOOR, GRADIENT_FLOOR = 1.0, 0.1


@dataclass(frozen=True)
class Verdict:
    """Result of one comparison, a row of the parity table.

    ``difference`` is the largest absolute difference; for an exact comparison, the number of unequal entries.
    """

    case: str
    tensor: str
    difference: float | None
    tolerance: float | None
    verdict: Literal["pass", "fail", "left out"]
    note: str = ""


def compare(
    case: str,
    tensor: str,
    ours: Tensor,
    recorded: Tensor,
    share: float = VALUE_SHARE,
    floor: float = VALUE_FLOOR,
    note: str = "",
) -> Verdict:
    """Compare two tensors within a tolerance; a different shape or a NaN fails."""
    if ours.shape != recorded.shape:
        shapes = f"shape {tuple(ours.shape)}, recorded {tuple(recorded.shape)}"
        return Verdict(case, tensor, None, None, "fail", shapes)
    if recorded.numel() == 0:
        return Verdict(case, tensor, 0.0, 0.0, "pass", note)
    tolerance = share * max(floor, recorded.abs().max().item())
    difference = (ours.detach().double() - recorded.double()).abs().max().item()
    return Verdict(case, tensor, difference, tolerance, "pass" if difference <= tolerance else "fail", note)


def compare_exactly(case: str, tensor: str, ours: Tensor, recorded: Tensor, note: str = "") -> Verdict:
    """Compare two tensors that must be equal in every entry."""
    if ours.shape != recorded.shape:
        shapes = f"shape {tuple(ours.shape)}, recorded {tuple(recorded.shape)}"
        return Verdict(case, tensor, None, None, "fail", shapes)
    differing = int((ours != recorded).sum())
    return Verdict(case, tensor, float(differing), 0.0, "fail" if differing else "pass", note)


def left_out(case: str, tensor: str, note: str) -> Verdict:
    """Return a verdict for a recorded tensor that is not compared; ``note`` is the reason."""
    return Verdict(case, tensor, None, None, "left out", note)
