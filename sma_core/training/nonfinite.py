"""Skip and count steps with a non-finite gradient, without synchronising the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


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
        """Count the step, and make a fused ``optimizer`` skip it when the gradient ``norm`` is not finite.

        For other optimisers see `allows`. ``own`` is False when a gradient scaler skips such steps itself.
        """
        self.last = ~norm.isfinite()
        total, consecutive, since_log = self._counts.unbind()
        skipped = self.last.to(torch.int64)
        self._counts = torch.stack((total + skipped, (consecutive + skipped) * skipped, since_log + skipped))
        own = own and _leaves_out(optimizer)
        if own:
            optimizer.found_inf = self.last.float()  # type: ignore[attr-defined]
        try:
            yield
        finally:
            if own:
                del optimizer.found_inf  # type: ignore[attr-defined]

    def allows(self, optimizer: torch.optim.Optimizer) -> bool:
        """Return whether the step may be taken, inside `skip_nonfinite`.

        A fused optimiser, and one behind a gradient scaler, leaves out what it must by itself; for others this
        waits for the device.
        """
        return _leaves_out(optimizer) or not bool(self.last)

    def read(self) -> tuple[int, int]:
        """Return the number of skipped steps, in total and consecutive; synchronises the device."""
        total, consecutive, _ = self._counts.tolist()
        return int(total), int(consecutive)

    def since_log(self) -> int:
        """Return the number of steps skipped since the last call; synchronises the device."""
        count = int(self._counts[2])
        self._counts[2] = 0
        return count


def _leaves_out(optimizer: torch.optim.Optimizer) -> bool:
    """Whether every group of the optimiser is fused: it reads ``found_inf`` on the device."""
    return all(group.get("fused") for group in optimizer.param_groups)
