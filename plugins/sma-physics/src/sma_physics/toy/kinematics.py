"""Kinematics of four-momenta: arrays (4, n) of energy and three momentum components in GeV.

The third momentum component is along the beam. The speed of light is 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_physics.toy.constants import Resonance
from sma_physics.toy.draws import Draws, Numbers

Momenta = NDArray[np.float64]


def invariant_mass(momenta: Momenta) -> Numbers:
    """Return the invariant masses (n,) of momenta (4, n); 0 where rounding makes the square negative."""
    energy, x, y, z = momenta
    square = energy * energy - x * x - y * y - z * z
    masses: Numbers = np.sqrt(np.maximum(square, 0.0))
    return masses


def transverse(momenta: Momenta) -> Numbers:
    """Return the transverse momenta (n,) of momenta (4, n)."""
    across: Numbers = np.sqrt(momenta[1] ** 2 + momenta[2] ** 2)
    return across


def pseudorapidity(momenta: Momenta) -> Numbers:
    """Return the pseudorapidities (n,) of momenta (4, n) with non-zero transverse momentum."""
    eta: Numbers = np.arcsinh(momenta[3] / transverse(momenta))
    return eta


def azimuth(momenta: Momenta) -> Numbers:
    """Return the azimuths (n,) of momenta (4, n), in radians from -pi to pi."""
    phi: Numbers = np.arctan2(momenta[2], momenta[1])
    return phi


def from_rapidity(mass: Numbers | float, across: Numbers, phi: Numbers, rapidity: Numbers) -> Momenta:
    """Return momenta (4, n) for masses and transverse momenta (GeV), azimuths (radians) and rapidities."""
    transverse_mass = np.sqrt(mass * mass + across * across)
    factor = np.exp(rapidity)
    energy = 0.5 * transverse_mass * (factor + 1.0 / factor)
    along = 0.5 * transverse_mass * (factor - 1.0 / factor)
    return np.stack([energy, across * np.cos(phi), across * np.sin(phi), along])


def draw_masses(resonance: Resonance, draws: Draws, count: int, least: Numbers | None = None) -> Numbers:
    """Draw masses (count,) from a Breit-Wigner (Cauchy) distribution truncated to the resonance's bounds.

    ``least`` (count,) raises the lower bound per event, and the upper bound if necessary.
    """
    half = 0.5 * resonance.width
    low = np.asarray(resonance.low) if least is None else np.maximum(resonance.low, least)
    high = np.maximum(resonance.high, low + half)
    start, end = np.arctan((low - resonance.mass) / half), np.arctan((high - resonance.mass) / half)
    masses: Numbers = resonance.mass + half * np.tan(start + draws.uniform(count) * (end - start))
    return masses if least is None else np.maximum(masses, least)


def decay(
    parent: Momenta, mass: Numbers | float, first: Numbers | float, second: Numbers | float, draws: Draws
) -> tuple[Momenta, Momenta]:
    """Generate two-body decays, isotropic in the rest frame.

    ``parent`` (4, n) has the masses ``mass`` (n,), which must be at least the sum of the product masses ``first``
    and ``second`` (n,); all in GeV. Returns the momenta of both products, (4, n), in the frame of ``parent``.
    """
    count = parent.shape[1]
    first_square = first * first
    energy = (mass * mass + first_square - second * second) / (
        2.0 * mass
    )  # of the first product, in the rest frame
    size = np.sqrt(np.maximum(energy * energy - first_square, 0.0))
    cosine = 2.0 * draws.uniform(count) - 1.0
    angle = draws.uniform(count) * (2.0 * np.pi)
    across = size * np.sqrt(1.0 - cosine * cosine)
    product = np.empty_like(parent)
    product[1], product[2], product[3] = across * np.cos(angle), across * np.sin(angle), size * cosine
    along = parent[1] * product[1] + parent[2] * product[2] + parent[3] * product[3]
    product[0] = (parent[0] * energy + along) / mass
    product[1:] += parent[1:] * ((along / (parent[0] + mass) + energy) / mass)
    return product, parent - product
