"""Signal and background processes of the toy simulation: chains of two-body decays to partons.

Signal: a heavy Higgs H0 -> W and charged Higgs, charged Higgs -> W and light Higgs h0, h0 -> b and anti-b.
Background: a top pair, each top -> W and b. In both, one W decays to a lepton and a neutrino, the other to two
quarks, and the whole system recoils against one jet (arXiv 1402.4735, figure 1).

Momenta are arrays (4, n) in GeV in a dictionary by particle name; `SIGNAL` and `BACKGROUND` list the decays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from sma_physics.toy import constants
from sma_physics.toy.draws import Draws, Numbers
from sma_physics.toy.kinematics import Momenta, decay, draw_masses, from_rapidity

Partons = dict[str, Momenta]
Process = Callable[[Draws, int], Partons]

_BOTH = {"W to leptons": ("lepton", "neutrino"), "W to quarks": ("quark", "antiquark")}

SIGNAL: Mapping[str, tuple[str, str]] = {
    "H0": ("first W", "charged Higgs"),
    "charged Higgs": ("second W", "h0"),
    "h0": ("bottom", "antibottom"),
    **_BOTH,
}
BACKGROUND: Mapping[str, tuple[str, str]] = {
    "pair": ("top", "antitop"),
    "top": ("W to leptons", "bottom"),
    "antitop": ("W to quarks", "antibottom"),
    **_BOTH,
}


def make_signal(draws: Draws, count: int) -> Partons:
    """Generate signal events; each W decays to leptons with probability 1/2."""
    first_mass, second_mass = (draw_masses(constants.W_BOSON, draws, count) for _ in range(2))
    light = draw_masses(constants.LIGHT_HIGGS, draws, count)
    charged = draw_masses(constants.CHARGED_HIGGS, draws, count)
    least = first_mass + charged + constants.THRESHOLD_MARGIN
    heavy = draw_masses(constants.HEAVY_HIGGS, draws, count, least)
    partons: Partons = {}
    partons["H0"], partons["recoil"] = _system(heavy, draws)
    _decay(partons, SIGNAL, "H0", heavy, first_mass, charged, draws)
    _decay(partons, SIGNAL, "charged Higgs", charged, second_mass, light, draws)
    _decay(partons, SIGNAL, "h0", light, constants.BOTTOM_MASS, constants.BOTTOM_MASS, draws)
    to_leptons = draws.uniform(count) < 0.5
    first, second = partons["first W"], partons["second W"]
    partons["W to leptons"] = np.where(to_leptons, first, second)
    partons["W to quarks"] = np.where(to_leptons, second, first)
    lepton_mass = np.where(to_leptons, first_mass, second_mass)
    _decay(partons, SIGNAL, "W to leptons", lepton_mass, 0.0, 0.0, draws)
    _decay(partons, SIGNAL, "W to quarks", first_mass + second_mass - lepton_mass, 0.0, 0.0, draws)
    return partons


def make_background(draws: Draws, count: int) -> Partons:
    """Generate top pairs; features do not depend on charges, so ``top`` always decays to the lepton."""
    top, antitop = (draw_masses(constants.TOP, draws, count) for _ in range(2))
    lepton_mass, quark_mass = (draw_masses(constants.W_BOSON, draws, count) for _ in range(2))
    pair = top + antitop + draws.gamma_two(count, constants.PAIR_MASS_SCALE)
    partons: Partons = {}
    partons["pair"], partons["recoil"] = _system(pair, draws)
    _decay(partons, BACKGROUND, "pair", pair, top, antitop, draws)
    _decay(partons, BACKGROUND, "top", top, lepton_mass, constants.BOTTOM_MASS, draws)
    _decay(partons, BACKGROUND, "antitop", antitop, quark_mass, constants.BOTTOM_MASS, draws)
    _decay(partons, BACKGROUND, "W to leptons", lepton_mass, 0.0, 0.0, draws)
    _decay(partons, BACKGROUND, "W to quarks", quark_mass, 0.0, 0.0, draws)
    return partons


def _system(mass: Numbers, draws: Draws) -> tuple[Momenta, Momenta]:
    """Draw momenta (4, n) of systems with masses (n,) and of the recoil jets."""
    count = len(mass)
    across = draws.gamma_two(count, constants.SYSTEM_PT_SCALE)
    phi = draws.uniform(count) * (2.0 * np.pi)
    spread, recoil_spread = draws.normal_pair(count)
    system = from_rapidity(mass, across, phi, constants.SYSTEM_RAPIDITY_SPREAD * spread)
    recoil = from_rapidity(0.0, across, phi + np.pi, constants.RECOIL_RAPIDITY_SPREAD * recoil_spread)
    return system, recoil


def _decay(
    partons: Partons,
    chain: Mapping[str, tuple[str, str]],
    parent: str,
    mass: Numbers,
    first_mass: Numbers | float,
    second_mass: Numbers | float,
    draws: Draws,
) -> None:
    """Add the two products of ``parent`` to ``partons``."""
    first, second = chain[parent]
    partons[first], partons[second] = decay(partons[parent], mass, first_mass, second_mass, draws)
