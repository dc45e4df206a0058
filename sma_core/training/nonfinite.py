"""Steps whose gradient is not finite are left out and counted, without waiting for the device."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor


class SkippedSteps:
    """Counts, on ``device``: in all, in a row up to now, and since `since_log` was last asked."""

    def __init__(self, device: torch.device) -> None:
        self._counts = torch.zeros(3, dtype=torch.int64, device=device)
        self.last = torch.zeros((), dtype=torch.bool, device=device)
        """Whether the last step was left out."""

    def restore(self, total: int, in_a_row: int) -> None:
        """Go on from the counts of a checkpoint."""
        self._counts.copy_(torch.tensor([total, in_a_row, 0]))

    @contextmanager
    def watching(self, optimizer: torch.optim.Optimizer, norm: Tensor, own: bool) -> Iterator[None]:
        """Count the step; where ``norm``, the gradient's, is not finite, a fused ``optimizer`` leaves it out.

        For others see `allows`. ``own`` is False where a gradient scaler sees to that itself.
        """
        self.last = ~norm.isfinite()
        total, in_a_row, since_log = self._counts.unbind()
        more = self.last.to(torch.int64)
        self._counts = torch.stack((total + more, (in_a_row + more) * more, since_log + more))
        own = own and _leaves_out(optimizer)
        if own:
            optimizer.found_inf = self.last.float()  # type: ignore[attr-defined]
        try:
            yield
        finally:
            if own:
                del optimizer.found_inf  # type: ignore[attr-defined]

    def allows(self, optimizer: torch.optim.Optimizer) -> bool:
        """Return whether the step may be taken, inside `watching`.

        A fused optimiser, and one behind a gradient scaler, leaves out what it must by itself; for others this
        waits for the device.
        """
        return _leaves_out(optimizer) or not bool(self.last)

    def read(self) -> tuple[int, int]:
        """Return how many were left out in all and in a row; waits for the device."""
        total, in_a_row, _ = self._counts.tolist()
        return int(total), int(in_a_row)

    def since_log(self) -> int:
        """Return how many were left out since this was last asked; waits for the device."""
        count = int(self._counts[2])
        self._counts[2] = 0
        return count


def _leaves_out(optimizer: torch.optim.Optimizer) -> bool:
    """Whether every group of the optimiser is fused: it reads ``found_inf`` on the device."""
    return all(group.get("fused") for group in optimizer.param_groups)
