"""Operations of a piece of work: counted by torch while it runs, never worked out by hand.

A multiplication with its addition is two operations; only matrix products are counted, forward and backward.
Attention is taken through its plain form meanwhile, since torch's counter does not know the fused one of the CPU.
"""

from __future__ import annotations

from collections.abc import Callable

from torch.nn.attention import SDPBackend, sdpa_kernel


def operations(work: Callable[[], object]) -> int:
    """Run ``work`` once and return how many operations its matrix products have."""
    from torch.utils.flop_counter import FlopCounterMode  # 72 MB, which no measured process needs

    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        work()
    return int(counter.get_total_flops())
