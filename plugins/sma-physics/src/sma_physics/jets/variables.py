"""Variables of whole jets: mass, transverse momentum, number of particles, and shapes.

Letters: n jets, T particles of all jets.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_core.data.sequences import Sequences
from sma_physics.jets.features import sums, wrapped

VARIABLES = ("mass", "pt", "particles", "width", "dispersion", "e2", "e3", "c2", "d2", "largest")
MOST_IN_CORRELATIONS = 40
"""Number of particles, largest transverse momentum first, in energy correlations."""


def jet_variables(particles: Sequences) -> NDArray[np.float64]:
    """Return `VARIABLES` (n, 10) of jets with the channels of `sma_physics.jets.features`.

    ``e2`` and ``e3`` are energy correlation functions with angular exponent 1, ``c2`` is e3 / e2² and ``d2`` is
    e3 / e2³ (Larkoski, Salam and Thaler 2013; Larkoski, Moult and Neill 2014). Jets need one particle or more.
    """
    values = particles.values.astype(np.float64)
    jet = np.repeat(np.arange(len(particles)), particles.lengths)
    across, angle = np.exp(values[:, 0]), np.hypot(values[:, 1], values[:, 2])
    momenta = np.stack(
        [across * np.cosh(values[:, 1]), across * np.cos(values[:, 2]), across * np.sin(values[:, 2])], axis=1
    )
    momenta = np.concatenate([momenta, (across * np.sinh(values[:, 1]))[:, None]], axis=1)
    totals = sums(np.column_stack([momenta, across, across * angle, across**2]), jet, len(particles))
    mass = np.sqrt(np.maximum(totals[:, 0] ** 2 - (totals[:, 1:4] ** 2).sum(axis=1), 0))
    pt = np.hypot(totals[:, 1], totals[:, 2])
    scalar = totals[:, 4]
    largest = np.exp(values[particles.offsets[:-1], 0])
    e2, e3 = np.array([_correlations(particles[row]) for row in range(len(particles))]).T
    shapes = [e2, e3, e3 / np.maximum(e2, 1e-12) ** 2, e3 / np.maximum(e2, 1e-12) ** 3]
    width, dispersion = totals[:, 5] / scalar, np.sqrt(totals[:, 6]) / scalar
    return np.column_stack([mass, pt, particles.lengths, width, dispersion, *shapes, largest / scalar])


def _correlations(row: NDArray[np.float32]) -> tuple[float, float]:
    """Return the two- and three-point energy correlations of a jet (n_i, 4)."""
    row = row[:MOST_IN_CORRELATIONS].astype(np.float64)
    share = np.exp(row[:, 0])
    share /= share.sum()
    angles = np.hypot(row[:, None, 1] - row[None, :, 1], wrapped(row[:, None, 2] - row[None, :, 2]))
    pairs = share[:, None] * share[None, :] * angles
    three = np.einsum("ij,jk,ik->", pairs, angles * share[None, :], angles)
    return float(pairs.sum() / 2), float(three / 6)
