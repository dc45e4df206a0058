"""The four channels of a particle, from its four-momentum and that of its jet.

Letters: n jets, T particles of all jets.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.sequences import Sequences, bounds_of

CHANNELS = ("log_pt", "eta", "phi", "log_energy")
"""Logarithms of the transverse momentum and energy in GeV; pseudorapidity and azimuth relative to the jet."""
MOMENTA = ("part_energy", "part_px", "part_py", "part_pz")
"""Names of the columns of four-momenta in GeV, as in JetClass."""


def particles(momenta: Sequences) -> Sequences:
    """Return the channels (T, 4) of particles with four-momenta (T, 4), ordered by transverse momentum.

    Particles without transverse momentum, such as padding, and those with a missing number are left out.
    """
    values = momenta.values.astype(np.float64)
    jet = np.repeat(np.arange(len(momenta)), momenta.lengths)  # (T,)
    across = np.hypot(values[:, 1], values[:, 2])
    kept = (across > 0) & (values[:, 0] > 0) & np.isfinite(values).all(axis=1)
    jet, across, values = jet[kept], across[kept], values[kept]
    axis = sums(values, jet, len(momenta))[jet]  # (T, 4), the jet of each particle
    channels = np.stack(
        [
            np.log(across),
            np.arcsinh(values[:, 3] / across) - np.arcsinh(axis[:, 3] / np.hypot(axis[:, 1], axis[:, 2])),
            wrapped(np.arctan2(values[:, 2], values[:, 1]) - np.arctan2(axis[:, 2], axis[:, 1])),
            np.log(values[:, 0]),
        ],
        axis=1,
    )
    order = np.lexsort((-across, jet))
    return Sequences(channels[order].astype(np.float32), bounds_of(np.bincount(jet, minlength=len(momenta))))


def sums(values: NDArray[np.float64], jet: NDArray[np.int64], jets: int) -> NDArray[np.float64]:
    """Return the sums (jets, K) of values (T, K) over the particles of each jet."""
    return np.stack([np.bincount(jet, column, jets) for column in values.T], axis=1)


def wrapped(angle: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return angles in radians from -pi to pi."""
    turned = (np.asarray(angle, dtype=np.float64) + np.pi) % (2 * np.pi) - np.pi
    return np.asarray(turned, dtype=np.float64)
