"""The 28 features of toy events, in the order of `sma_physics.schema.FEATURES`.

Momenta and masses are in GeV, azimuths in radians; b-tags have the published values. The paper does not specify
how jets are assigned, so the assignment is our choice:

- The b jets are the two jets with the best tags, the one with more transverse momentum first; the other two jets
  are from the W.
- The neutrino's longitudinal momentum is solved from the W mass: the solution of smaller magnitude, or, if
  there is no real solution, the closest real value, which has a larger mass.
- The b jets are assigned to the W bosons such that the two top masses differ least.
- ``m_wbb`` uses the W that brings it closer to the charged Higgs mass.

Shapes: n events.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sma_physics.schema import BTAG_VALUES, FEATURE_NAMES, JETS
from sma_physics.toy import constants
from sma_physics.toy.detector import Measured
from sma_physics.toy.draws import Numbers
from sma_physics.toy.kinematics import Momenta, azimuth, invariant_mass, pseudorapidity, transverse


def compute_features(events: Measured) -> NDArray[np.float32]:
    """Return the features (n, 28)."""
    missing_x, missing_y = events.missing
    columns = [transverse(events.lepton), pseudorapidity(events.lepton), azimuth(events.lepton)]
    columns += [np.hypot(missing_x, missing_y), np.arctan2(missing_y, missing_x)]
    for number, jet, tag in zip(JETS, events.jets, events.tags, strict=True):
        columns += [transverse(jet), pseudorapidity(jet), azimuth(jet), np.asarray(BTAG_VALUES[number])[tag]]
    columns += compute_masses(events)
    table = np.empty((events.lepton.shape[1], len(FEATURE_NAMES)), dtype=np.float32)
    for index, column in enumerate(columns):
        table[:, index] = column
    return table


def compute_masses(events: Measured) -> list[Numbers]:
    """Return m_jj, m_jjj, m_lv, m_jlv, m_bb, m_wbb and m_wwbb, each (n,)."""
    best = np.argsort(-events.tags, axis=0, kind="stable")  # jets are sorted by momentum
    first, second, third, fourth = np.take_along_axis(events.jets, best[:, None, :], axis=0)
    to_quarks = third + fourth
    to_leptons = events.lepton + find_neutrino(events.lepton, events.missing)
    bottoms = first + second
    with_quarks = invariant_mass(np.stack([to_quarks + first, to_quarks + second], axis=1))
    with_leptons = invariant_mass(np.stack([to_leptons + second, to_leptons + first], axis=1))
    swapped = (np.abs(with_quarks - with_leptons)).argmin(axis=0)
    triples = invariant_mass(np.stack([to_quarks + bottoms, to_leptons + bottoms], axis=1))
    charged = np.abs(triples - constants.CHARGED_HIGGS.mass).argmin(axis=0)
    indices = np.arange(len(swapped))
    return [
        invariant_mass(to_quarks),
        with_quarks[swapped, indices],
        invariant_mass(to_leptons),
        with_leptons[swapped, indices],
        invariant_mass(bottoms),
        triples[charged, indices],
        invariant_mass(to_quarks + to_leptons + bottoms),
    ]


def find_neutrino(lepton: Momenta, missing: Numbers) -> Momenta:
    """Return neutrino momenta (4, n) for leptons (4, n) and missing momenta (2, n), from the W mass."""
    energy, x, y, z = lepton
    missing_x, missing_y = missing
    across = missing_x * missing_x + missing_y * missing_y
    half = 0.5 * constants.W_BOSON.mass**2 + x * missing_x + y * missing_y
    lepton_across = x * x + y * y
    root = energy * np.sqrt(np.maximum(half * half - lepton_across * across, 0.0))
    along = (half * z - np.copysign(root, z)) / lepton_across
    return np.stack([np.sqrt(across + along * along), missing_x, missing_y, along])
