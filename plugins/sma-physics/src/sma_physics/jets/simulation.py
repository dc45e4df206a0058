"""A toy simulation of jets with one, two or three prongs, as of a light quark, a W boson and a top quark.

Prongs come from two-body decays that are isotropic in the rest frame, or from one collinear splitting of a quark.
Each fragments to particles that share its momentum, with a small transverse spread. There is no parton shower, no
hadronization and no pile-up: results are not comparable with those on JetClass.

Letters: n jets, T particles of all jets. Momenta (4, n) are energy and three components in GeV.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sma_core.data.sequences import bounds_of
from sma_physics.toy.constants import BOTTOM_MASS, TOP, W_BOSON
from sma_physics.toy.draws import Draws, Numbers
from sma_physics.toy.kinematics import Momenta, decay, draw_masses, from_rapidity

PRONGS = (1, 2, 3)
LEAST_PT, MOST_PT = 500.0, 700.0
LARGEST_RAPIDITY = 1.5
SOFTEST_SHARE = 0.05
"""Smallest share of a quark's momentum that its splitting gives to the softer product."""
NARROWEST, WIDEST = 0.02, 0.8
"""Smallest and largest angle (radians) of a splitting; particles further from their prong are not in the jet."""
PARTICLES_PER_PRONG = 6.0
GROWTH = 2.5
"""A prong of energy E has on average ``PARTICLES_PER_PRONG + GROWTH * log(E / 10 GeV)`` particles."""
TRANSVERSE_SPREAD = 0.4
"""Standard deviation (GeV) of the momentum of particles across their prong."""
RESOLUTION = 0.05
"""Relative resolution of the momentum of a particle."""
SOFTEST_PARTICLE = 0.5
"""Smallest transverse momentum (GeV) of a particle that is measured."""


@dataclass(frozen=True)
class Jets:
    """Simulated jets: particle momenta (T, 4), ``offsets`` (n + 1,), and the number of prongs (n,)."""

    momenta: NDArray[np.float64]
    offsets: NDArray[np.int64]
    prongs: NDArray[np.int64]


def simulate(count: int, seed: int) -> Jets:
    """Return ``count`` jets, a third of each number of prongs in random order."""
    draws = Draws(seed)
    kinds = np.asarray(PRONGS)[np.minimum((draws.uniform(count) * 3).astype(np.int64), 2)]
    momenta, jet = [], []
    for prongs, make in zip(PRONGS, (_one, _two, _three), strict=True):
        rows = np.flatnonzero(kinds == prongs)
        for prong in make(_directions(len(rows), draws), draws):
            own, index = _particles(prong, draws)
            momenta.append(own)
            jet.append(rows[index])
    values, row = np.concatenate(momenta), np.concatenate(jet)
    order = np.argsort(row, kind="stable")
    return Jets(values[order], bounds_of(np.bincount(row, minlength=count)), kinds)


def _directions(count: int, draws: Draws) -> tuple[Numbers, Numbers, Numbers]:
    """Draw transverse momenta, azimuths and rapidities (count,)."""
    across = LEAST_PT + (MOST_PT - LEAST_PT) * draws.uniform(count)
    phi = 2 * np.pi * draws.uniform(count)
    return across, phi, LARGEST_RAPIDITY * (2 * draws.uniform(count) - 1)


def _one(directions: tuple[Numbers, Numbers, Numbers], draws: Draws) -> list[Momenta]:
    """Return the two products of a quark's splitting; momentum shares z and angles have densities 1/z, 1/angle."""
    quark = from_rapidity(0.0, *directions)
    count = quark.shape[1]
    share = SOFTEST_SHARE * (0.5 / SOFTEST_SHARE) ** draws.uniform(count)
    angle = NARROWEST * (WIDEST / NARROWEST) ** draws.uniform(count)
    first, second = _axes(quark)
    turn = 2 * np.pi * draws.uniform(count)
    aside = np.cos(turn) * first + np.sin(turn) * second  # (3, n), at right angles to the quark
    products = []
    for part, tilt in ((1 - share, -share * angle), (share, (1 - share) * angle)):
        momentum = part * (np.cos(tilt) * quark[1:] + np.sin(tilt) * quark[0] * aside)
        products.append(np.concatenate([np.linalg.norm(momentum, axis=0)[None], momentum]))
    return products


def _two(directions: tuple[Numbers, Numbers, Numbers], draws: Draws) -> list[Momenta]:
    """Return the quarks of a W boson."""
    mass = draw_masses(W_BOSON, draws, len(directions[0]))
    return list(decay(from_rapidity(mass, *directions), mass, 0.0, 0.0, draws))


def _three(directions: tuple[Numbers, Numbers, Numbers], draws: Draws) -> list[Momenta]:
    """Return the quarks of a top quark: one of its own decay, two of its W boson."""
    mass, boson = (draw_masses(kind, draws, len(directions[0])) for kind in (TOP, W_BOSON))
    carrier, bottom = decay(from_rapidity(mass, *directions), mass, boson, BOTTOM_MASS, draws)
    return [bottom, *decay(carrier, boson, 0.0, 0.0, draws)]


def _particles(prong: Momenta, draws: Draws) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the measured particles (T, 4) of prongs (4, n), and the index of each one's prong (T,)."""
    count = prong.shape[1]
    mean = PARTICLES_PER_PRONG + GROWTH * np.log(np.maximum(prong[0] / 10.0, 1.0))
    numbers = np.maximum(np.rint(mean + np.sqrt(mean) * draws.normal_pair(count)[0]), 1).astype(np.int64)
    index = np.repeat(np.arange(count), numbers)  # (T,)
    weight = -np.log1p(-draws.uniform(len(index)))
    share = weight / np.bincount(index, weight, count)[index]
    first, second = _axes(prong)
    momentum, across = share * prong[1:, index], np.zeros(len(index))  # (3, T), (T,)
    for axis, spread in zip((first, second), draws.normal_pair(len(index)), strict=True):
        own = TRANSVERSE_SPREAD * spread
        own -= share * np.bincount(index, own, count)[index]  # the spreads of a prong add up to zero
        momentum, across = momentum + own * axis[:, index], np.hypot(across, own)
    narrow = across < WIDEST * share * prong[0][index]
    momentum *= np.maximum(1 + RESOLUTION * draws.normal_pair(len(index))[0], 0.0)
    particles = np.concatenate([np.linalg.norm(momentum, axis=0)[None], momentum]).T  # (T, 4)
    measured = narrow & (np.hypot(momentum[0], momentum[1]) > SOFTEST_PARTICLE)
    return particles[measured], index[measured]


def _axes(momenta: Momenta) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two unit vectors (3, n) at right angles to momenta (4, n) and to each other."""
    along = momenta[1:] / np.linalg.norm(momenta[1:], axis=0)
    first = np.stack([-along[1], along[0], np.zeros_like(along[0])]) / np.hypot(along[0], along[1])
    return first, np.cross(along.T, first.T).T
