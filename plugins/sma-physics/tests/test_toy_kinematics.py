"""Decays of the toy: momentum is conserved, masses are where they should be, no direction is preferred."""

import numpy as np
import pytest

from sma_physics.toy import constants
from sma_physics.toy.draws import Draws
from sma_physics.toy.kinematics import decay, draw_masses, from_rapidity, invariant_mass
from sma_physics.toy.processes import BACKGROUND, SIGNAL, make_background, make_signal

EVENTS = 20_000
PROCESSES = {"signal": (make_signal, SIGNAL, "H0"), "background": (make_background, BACKGROUND, "pair")}
MASSES = {
    "H0": constants.HEAVY_HIGGS,
    "charged Higgs": constants.CHARGED_HIGGS,
    "h0": constants.LIGHT_HIGGS,
    "top": constants.TOP,
    "antitop": constants.TOP,
    "W to leptons": constants.W_BOSON,
    "W to quarks": constants.W_BOSON,
}
WITHOUT_MASS = ("lepton", "neutrino", "quark", "antiquark", "recoil")


@pytest.fixture(scope="module", params=PROCESSES)
def made(request):
    make, chain, start = PROCESSES[request.param]
    return make(Draws(7), EVENTS), chain, start


def test_every_decay_conserves_momentum(made):
    partons, chain, _ = made
    for parent, products in chain.items():
        total = sum(partons[product] for product in products)
        assert np.abs(total - partons[parent]).max() <= 1e-9 * partons[parent][0].max()


def test_all_partons_together_have_the_momentum_of_the_system(made):
    partons, _, start = made
    last = ("lepton", "neutrino", "quark", "antiquark", "bottom", "antibottom")
    total = sum(partons[name] for name in last)
    np.testing.assert_allclose(total, partons[start], rtol=1e-9, atol=1e-9 * partons[start][0].max())
    across = (total + partons["recoil"])[1:3]
    assert np.abs(across).max() <= 1e-9 * partons[start][0].max()


def test_products_have_their_own_masses(made):
    partons, _, _ = made
    for name in WITHOUT_MASS:
        assert (invariant_mass(partons[name]) <= 1e-6 * partons[name][0]).all()
    for name in ("bottom", "antibottom"):
        masses = invariant_mass(partons[name])
        np.testing.assert_allclose(masses, constants.BOTTOM_MASS, atol=1e-9 * partons[name][0].max() ** 2)


def test_resonances_peak_at_their_masses(made):
    partons, _, _ = made
    for name, resonance in MASSES.items():
        if name not in partons:
            continue
        masses = invariant_mass(partons[name])
        assert masses.min() >= resonance.low - 1e-6
        assert masses.max() <= resonance.high + 1e-6
        near = resonance.width + 1e-3
        assert abs(np.median(masses) - resonance.mass) < near
        counts, edges = np.histogram(masses, bins=40, range=(resonance.mass - 5 * near, resonance.mass + 5 * near))
        assert abs(edges[counts.argmax()] - resonance.mass) < 1.5 * near


def test_the_pair_mass_starts_at_threshold_and_falls():
    masses = invariant_mass(make_background(Draws(7), EVENTS)["pair"])
    assert masses.min() > 2 * constants.TOP.low
    counts, _ = np.histogram(masses, bins=[400, 500, 600, 700, 800, 900])
    assert (np.diff(counts) < 0).all()


def test_decays_prefer_no_direction():
    parent = from_rapidity(100.0, np.full(EVENTS, 40.0), np.full(EVENTS, 0.3), np.full(EVENTS, 0.8))
    first, second = decay(parent, 100.0, 20.0, 0.0, Draws(3))
    at_rest = _boosted_back(first, parent)
    directions = at_rest[1:] / np.sqrt((at_rest[1:] ** 2).sum(axis=0))
    assert np.abs(directions.mean(axis=1)).max() < 0.02
    np.testing.assert_allclose((directions**2).mean(axis=1), 1 / 3, atol=0.01)
    np.testing.assert_allclose(np.cov(directions)[np.triu_indices(3, 1)], 0.0, atol=0.01)
    counts, _ = np.histogram(directions[2], bins=10, range=(-1, 1))
    np.testing.assert_allclose(counts, EVENTS / 10, rtol=0.1)
    np.testing.assert_allclose(invariant_mass(first), 20.0, rtol=1e-9)
    assert (invariant_mass(second) < 1e-4).all()


def test_a_decay_at_rest_shares_the_energy_as_the_masses_say():
    parent = np.array([[100.0], [0.0], [0.0], [0.0]])
    first, second = decay(parent, 100.0, 60.0, 0.0, Draws(1))
    assert first[0, 0] == pytest.approx((100.0**2 + 60.0**2) / 200.0)
    assert second[0, 0] == pytest.approx((100.0**2 - 60.0**2) / 200.0)


def test_a_least_mass_is_kept():
    least = np.linspace(380.0, 520.0, EVENTS)
    masses = draw_masses(constants.HEAVY_HIGGS, Draws(2), EVENTS, least)
    assert (masses >= least).all()
    assert (masses >= constants.HEAVY_HIGGS.low).all()
    assert masses.max() < 540.0


def test_draws_are_known_numbers():
    """Raw integers of numpy's PCG64 are promised for ever, so these are too."""
    draws = Draws(1, 2)
    np.testing.assert_array_equal(draws.uniform(3), Draws(1, 2).uniform(3))
    np.testing.assert_array_equal(draws.uniform(2), [0.2770233766931318, 0.8219126082983387])
    assert not np.array_equal(Draws(1, 3).uniform(3), Draws(1, 2).uniform(3))


def test_draws_have_their_distributions():
    draws = Draws(5)
    for numbers in draws.normal_pair(EVENTS):
        assert abs(numbers.mean()) < 0.03
        assert abs(numbers.std() - 1.0) < 0.02
    sums = draws.gamma_two(EVENTS, 20.0)
    assert abs(sums.mean() - 40.0) < 1.0
    assert abs(sums.var() - 800.0) < 60.0


def _boosted_back(momenta, parent):
    """Boost momenta (4, n) into the rest frame of ``parent``."""
    speed = parent[1:] / parent[0]
    square = (speed**2).sum(axis=0)
    stretch = 1.0 / np.sqrt(1.0 - square)
    along = (speed * momenta[1:]).sum(axis=0)
    energy = stretch * (momenta[0] - along)
    space = momenta[1:] + speed * ((stretch - 1.0) * along / square - stretch * momenta[0])
    return np.concatenate([energy[None], space])
