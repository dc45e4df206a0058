"""Random numbers that depend on the seed alone, not on the version of numpy.

numpy promises the raw integers of a bit generator for ever, but not what a `Generator` makes of them; so
the step from integers to distributions is taken here. Elementary functions may still differ in their last
bit from one processor to another, which shows in the last digits of an event, and could in rare cases move
an event over a cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_UNIT = np.float64(2.0**-53)


class Draws:
    """A stream of random numbers for a sequence of seeds (whole numbers from 0)."""

    def __init__(self, *seeds: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seeds))

    def uniform(self, count: int) -> Numbers:
        """Return numbers (count,) in [0, 1)."""
        raw = self._bits.random_raw(count)
        raw >>= np.uint64(11)
        numbers: Numbers = raw * _UNIT
        return numbers

    def normal_pair(self, count: int) -> tuple[Numbers, Numbers]:
        """Return two independent sets of standard normal numbers (count,), by Box and Muller."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(count)))
        angle = self.uniform(count) * (2.0 * np.pi)
        return radius * np.cos(angle), radius * np.sin(angle)

    def gamma_two(self, count: int, scale: float) -> Numbers:
        """Return sums (count,) of two exponential numbers with mean ``scale``."""
        product = (1.0 - self.uniform(count)) * (1.0 - self.uniform(count))
        numbers: Numbers = -scale * np.log(product)
        return numbers
