"""Skip and count steps with a non-finite gradient, without synchronising the device."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from sma_core.printable import counted


class SkippedSteps:
    """Counts of skipped steps on ``device``: total, consecutive, and since the last call of `since_log`."""

    def __init__(self, device: torch.device) -> None:
        self._counts = torch.zeros(3, dtype=torch.int64, device=device)
        self.last = torch.zeros((), dtype=torch.bool, device=device)
        """Whether the last step was skipped."""

    def restore(self, total: int, consecutive: int) -> None:
        """Restore the counts of a checkpoint."""
        self._counts.copy_(torch.tensor([total, consecutive, 0]))

    @contextmanager
    def skip_nonfinite(self, optimizer: torch.optim.Optimizer, norm: Tensor, own: bool) -> Iterator[None]:
        """Count the step, and make a fused ``optimizer`` skip it if the gradient ``norm`` is not finite.

        For other optimisers see `allows`. ``own`` is False if a gradient scaler skips such steps.
        """
        self.last = ~norm.isfinite()
        total, consecutive, since_log = self._counts.unbind()
        skipped = self.last.to(torch.int64)
        self._counts = torch.stack((total + skipped, (consecutive + skipped) * skipped, since_log + skipped))
        own = own and _is_fused(optimizer)
        if own:
            optimizer.found_inf = self.last.float()  # type: ignore[attr-defined]
        try:
            yield
        finally:
            if own:
                del optimizer.found_inf  # type: ignore[attr-defined]

    def allows(self, optimizer: torch.optim.Optimizer) -> bool:
        """Return whether to call ``optimizer.step``, within `skip_nonfinite`.

        Always True for a fused optimiser, which skips non-finite steps itself; for others this synchronises the
        device.
        """
        return _is_fused(optimizer) or not bool(self.last)

    def read(self) -> tuple[int, int]:
        """Return the number of skipped steps, in total and consecutive; synchronises the device."""
        total, consecutive, _ = self._counts.tolist()
        return int(total), int(consecutive)

    def since_log(self) -> int:
        """Return the number of steps skipped since the last call; synchronises the device."""
        count = int(self._counts[2])
        self._counts[2] = 0
        return count


MANY_SKIPPED = 0.05
"""Share of skipped steps from which it is told; half precision skips a few while it finds its scale."""


def nothing_learned(skipped: int, steps: int, held_out: float | None = None) -> list[str]:
    """Return sentences on ``skipped`` of ``steps`` steps, and on a ``held_out`` loss that is not a number."""
    sentences = []
    if skipped >= max(1, MANY_SKIPPED * steps):
        sentences.append(
            f"{skipped:,} of {counted(steps, 'step')} were skipped, since the gradient was not finite: try "
            "a lower training.learning_rate, or find the values, or the part of a plugin, that are not finite"
        )
    if held_out is not None and math.isnan(held_out):
        sentences.append(
            "the held-out loss is not a number, so that nothing is known of what was learned: do not use this run"
        )
    return sentences


def _is_fused(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether all groups of the optimiser are fused, so that it reads ``found_inf`` on the device."""
    return all(group.get("fused") for group in optimizer.param_groups)
