"""Detector response and event selection of the toy simulation.

Selection (arXiv 1402.4735): one lepton and at least four jets with transverse momentum above 20 GeV and absolute
pseudorapidity below 2.5, and at least two b-tags. Every quark and the recoil is one jet; jets are not merged. The
tags are counted over all five jets, but only four are kept, so one event in ten has a single tag among those.

Shapes: n events, J = 5 jets before the selection, 4 after it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sinh

import numpy as np
from numpy.typing import NDArray

from sma_physics.toy import constants
from sma_physics.toy.draws import Draws, Numbers
from sma_physics.toy.kinematics import Momenta, transverse
from sma_physics.toy.processes import Partons

JET_PARTONS = ("bottom", "antibottom", "quark", "antiquark", "recoil")
_BOTTOMS = 2
_LARGEST_SLOPE = sinh(constants.LARGEST_ETA)


@dataclass(frozen=True)
class Measured:
    """Measured quantities of selected events, momenta in GeV."""

    lepton: Momenta
    """(4, n)"""
    missing: Numbers
    """(2, n) transverse components"""
    jets: NDArray[np.float64]
    """(4, 4, n): jets in order of decreasing transverse momentum, four-momenta"""
    tags: NDArray[np.int8]
    """(4, n) b-tags of the jets: 0 none, 1 loose, 2 tight"""


def measure(partons: Partons, draws: Draws) -> Measured:
    """Smear energies, tag jets, and return the events that pass the selection."""
    jets = np.stack([partons[name] for name in JET_PARTONS])
    count = jets.shape[2]
    responses, noise = _responses(jets, draws)
    jets *= responses[:-1, None, :]
    lepton = partons["lepton"] * responses[-1]
    tags = draw_tags(draws, count)
    across = transverse(jets.swapaxes(0, 1))
    usable = _within(across, jets[:, 3])
    passed = _within(transverse(lepton), lepton[3])
    passed &= usable.sum(axis=0) >= constants.LEAST_JETS
    passed &= ((tags > 0) & usable).sum(axis=0) >= constants.LEAST_BTAGS
    kept = np.flatnonzero(passed)
    jets, lepton = jets[:, :, kept], lepton[:, kept]
    missing = constants.MISSING_SPREAD * noise[:, kept] - jets[:, 1:3].sum(axis=0) - lepton[1:3]
    ranked = np.where(usable[:, kept], across[:, kept], -1.0)
    order = np.argsort(-ranked, axis=0, kind="stable")[: constants.LEAST_JETS]
    return Measured(
        lepton=lepton,
        missing=missing,
        jets=np.take_along_axis(jets, order[:, None, :], axis=0),
        tags=np.take_along_axis(tags[:, kept], order, axis=0),
    )


def draw_tags(draws: Draws, count: int) -> NDArray[np.int8]:
    """Draw the b-tags (J, count) of the jets of `JET_PARTONS`: 0 none, 1 loose, 2 tight."""
    tags = np.empty((len(JET_PARTONS), count), dtype=np.int8)
    for jet in range(len(JET_PARTONS)):
        tagged, tight = constants.BOTTOM_TAGGED if jet < _BOTTOMS else constants.LIGHT_TAGGED
        uniform = draws.uniform(count)
        np.add(uniform < tagged, uniform < tight, out=tags[jet], dtype=np.int8, casting="unsafe")
    return tags


def _responses(jets: NDArray[np.float64], draws: Draws) -> tuple[Numbers, Numbers]:
    """Draw the energy responses of jets and lepton (J + 1, n), and standard normal noise (2, n)."""
    count = jets.shape[2]
    normal = np.stack([numbers for _ in range(4) for numbers in draws.normal_pair(count)])
    responses, noise = normal[: len(jets) + 1], normal[len(jets) + 1 :]
    responses[:-1] *= np.sqrt(constants.JET_STOCHASTIC**2 / jets[:, 0] + constants.JET_CONSTANT**2)
    responses[-1] *= constants.LEPTON_SPREAD
    responses += 1.0
    return np.maximum(responses, constants.SMALLEST_RESPONSE), noise


def _within(across: Numbers, along: Numbers) -> NDArray[np.bool_]:
    """Return the mask of momenta inside the acceptance."""
    inside: NDArray[np.bool_] = (across > constants.LEAST_PT) & (np.abs(along) < _LARGEST_SLOPE * across)
    return inside
