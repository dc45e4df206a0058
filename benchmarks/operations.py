"""FLOP count of a function, measured by torch.

Only matrix products are counted, forward and backward; a multiply-add counts as two operations. Fused attention is
disabled during counting, because torch does not count it on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable

from torch.nn.attention import SDPBackend, sdpa_kernel


def operations(work: Callable[[], object]) -> int:
    """Run ``work`` once and return the FLOP of its matrix products."""
    from torch.utils.flop_counter import FlopCounterMode  # needs 72 MB, so only import it here

    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())
