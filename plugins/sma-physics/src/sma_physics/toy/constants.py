"""Constants of the toy simulation: masses, widths and momenta in GeV, angles in radians.

Masses of the new particles and the selection: arXiv 1402.4735, section 2. Masses and widths of known particles:
Particle Data Group. All other values are set by hand, close to those of general-purpose detectors.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resonance:
    """Resonance with a Breit-Wigner mass distribution, truncated to ``low`` and ``high``; all in GeV."""

    mass: float
    width: float
    low: float
    high: float


HEAVY_HIGGS = Resonance(425.0, 10.0, 385.0, 500.0)
"""The width is our choice. The lower bound is raised per event to the sum of the product masses."""

CHARGED_HIGGS = Resonance(325.0, 5.0, 305.0, 345.0)
"""The width is our choice."""

LIGHT_HIGGS = Resonance(125.0, 0.00407, 124.9, 125.1)
TOP = Resonance(172.69, 1.42, 160.0, 185.0)
W_BOSON = Resonance(80.377, 2.085, 65.0, 95.0)

BOTTOM_MASS = 4.18
"""Other quarks and the lepton are massless."""

THRESHOLD_MARGIN = 0.01
"""Minimum excess (GeV) of the heavy Higgs mass over the sum of the W and charged Higgs masses."""

PAIR_MASS_SCALE = 60.0
"""Scale (GeV) of the Gamma(2) distribution of a top pair's mass above threshold: mode 60, mean 120."""

SYSTEM_PT_SCALE = 20.0
"""Scale (GeV) of the Gamma(2) distribution of the system's transverse momentum, balanced by a recoil jet."""

SYSTEM_RAPIDITY_SPREAD = 1.0
RECOIL_RAPIDITY_SPREAD = 1.5

SIGNAL_SHARE = 0.53
"""Fraction of signal events, as in the published data."""

JET_STOCHASTIC = 0.8
JET_CONSTANT = 0.05
"""Relative resolution of jet energy E: sqrt(JET_STOCHASTIC² / E + JET_CONSTANT²); directions are exact."""

LEPTON_SPREAD = 0.02
MISSING_SPREAD = 8.0
"""Additional resolution (GeV) of each transverse component of the missing momentum."""

SMALLEST_RESPONSE = 0.2
"""Minimum ratio of measured to true energy."""

LEAST_PT = 20.0
LARGEST_ETA = 2.5
LEAST_JETS = 4
LEAST_BTAGS = 2
"""Selection of leptons and jets (arXiv 1402.4735)."""

BOTTOM_TAGGED = (0.75, 0.60)
LIGHT_TAGGED = (0.04, 0.01)
"""Probabilities of a loose or tight and of a tight b-tag, for jets of bottom quarks and of other partons."""
