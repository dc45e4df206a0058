"""One line of a parity table: what was compared, how far apart it is, and whether that is near enough.

Tolerances are those the numbers were recorded with: a share of the largest recorded value, which counts as 1 at
least (for gradients 0.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

VALUE_SHARE, TRAINING_SHARE = 1e-5, 1e-4
VALUE_FLOOR, GRADIENT_FLOOR = 1.0, 0.1


@dataclass(frozen=True)
class Verdict:
    """``difference`` is the largest one, or the number of entries that differ where all must be equal."""

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
    """Compare two tensors; another shape or a NaN is a failure."""
    if ours.shape != recorded.shape:
        shapes = f"shape {tuple(ours.shape)}, recorded {tuple(recorded.shape)}"
        return Verdict(case, tensor, None, None, "fail", shapes)
    if recorded.numel() == 0:
        return Verdict(case, tensor, 0.0, 0.0, "pass", note)
    tolerance = share * max(floor, recorded.abs().max().item())
    difference = (ours.detach().double() - recorded.double()).abs().max().item()
    return Verdict(case, tensor, difference, tolerance, "pass" if difference <= tolerance else "fail", note)


def compare_exactly(case: str, tensor: str, ours: Tensor, recorded: Tensor, note: str = "") -> Verdict:
    """Compare two tensors of which every entry must be equal."""
    if ours.shape != recorded.shape:
        shapes = f"shape {tuple(ours.shape)}, recorded {tuple(recorded.shape)}"
        return Verdict(case, tensor, None, None, "fail", shapes)
    differing = int((ours != recorded).sum())
    return Verdict(case, tensor, float(differing), 0.0, "fail" if differing else "pass", note)


def left_out(case: str, tensor: str, note: str) -> Verdict:
    """Say that something recorded is not compared, and why."""
    return Verdict(case, tensor, None, None, "left out", note)
