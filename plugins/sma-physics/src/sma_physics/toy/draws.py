"""Random numbers that depend only on the seed, not on the numpy version.

numpy guarantees the raw integers of a bit generator across versions, but not the output of `Generator`; so the
integers are converted to distributions here. Elementary functions may differ in the last bit between processors,
which changes the last digits of events and, rarely, whether an event passes a cut.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

_UNIT = np.float64(2.0**-53)


class Draws:
    """Stream of random numbers for a sequence of non-negative seeds."""

    def __init__(self, *seeds: int) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence(seeds))

    def uniform(self, count: int) -> Numbers:
        """Return uniform numbers (count,) in [0, 1)."""
        raw = self._bits.random_raw(count)
        raw >>= np.uint64(11)
        numbers: Numbers = raw * _UNIT
        return numbers

    def normal_pair(self, count: int) -> tuple[Numbers, Numbers]:
        """Return two independent samples (count,) of the standard normal distribution (Box-Muller transform)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(count)))
        angle = self.uniform(count) * (2.0 * np.pi)
        return radius * np.cos(angle), radius * np.sin(angle)

    def gamma_two(self, count: int, scale: float) -> Numbers:
        """Return samples (count,) of the Gamma distribution with shape 2."""
        product = (1.0 - self.uniform(count)) * (1.0 - self.uniform(count))
        numbers: Numbers = -scale * np.log(product)
        return numbers
