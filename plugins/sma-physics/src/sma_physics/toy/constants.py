"""Numbers of the toy: masses, widths and momenta in GeV, angles in radians.

Masses of the new particles and the selection: arXiv 1402.4735, section 2. Masses and widths of known
particles: Particle Data Group. Everything else is chosen by hand, near what general-purpose detectors have.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Resonance:
    """A particle that decays: a Breit-Wigner in the mass, between ``low`` and ``high``; all in GeV."""

    mass: float
    width: float
    low: float
    high: float


HEAVY_HIGGS = Resonance(425.0, 10.0, 385.0, 500.0)
"""The width is ours. The lower end of an event is never below the masses it decays to."""

CHARGED_HIGGS = Resonance(325.0, 5.0, 305.0, 345.0)
"""The width is ours."""

LIGHT_HIGGS = Resonance(125.0, 0.00407, 124.9, 125.1)
TOP = Resonance(172.69, 1.42, 160.0, 185.0)
W_BOSON = Resonance(80.377, 2.085, 65.0, 95.0)

BOTTOM_MASS = 4.18
"""Other quarks and the lepton have no mass here."""

THRESHOLD_MARGIN = 0.01
"""The heavy Higgs has at least so much more mass (GeV) than the W and the charged Higgs together."""

PAIR_MASS_SCALE = 60.0
"""A top pair's mass above threshold is Gamma(2) with this scale: most often 60 GeV, 120 GeV on average."""

SYSTEM_PT_SCALE = 20.0
"""The transverse momentum of the whole system is Gamma(2) with this scale (GeV); one jet recoils against it."""

SYSTEM_RAPIDITY_SPREAD = 1.0
RECOIL_RAPIDITY_SPREAD = 1.5

SIGNAL_SHARE = 0.53
"""Share of signal among the events, that of the published rows."""

JET_STOCHASTIC = 0.8
JET_CONSTANT = 0.05
"""A jet's energy E has relative spread sqrt(JET_STOCHASTIC² / E + JET_CONSTANT²); its direction is kept."""

LEPTON_SPREAD = 0.02
MISSING_SPREAD = 8.0
"""Spread (GeV) of each transverse component of the missing momentum, besides what the jets' spreads do to it."""

SMALLEST_RESPONSE = 0.2
"""No measured energy is less than this share of the true one."""

LEAST_PT = 20.0
LARGEST_ETA = 2.5
LEAST_JETS = 4
LEAST_BTAGS = 2
"""Selection of leptons and jets (arXiv 1402.4735)."""

BOTTOM_TAGGED = (0.75, 0.60)
LIGHT_TAGGED = (0.04, 0.01)
"""Probability that a jet of a bottom quark, or of another parton, is tagged at all, and tightly."""
