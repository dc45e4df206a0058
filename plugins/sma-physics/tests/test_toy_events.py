"""Selected toy events: the 28 features, the selection, seeds, and that the classes differ."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score

from sma_physics.schema import BTAG_VALUES, FEATURE_NAMES, FEATURES, JETS
from sma_physics.toy import constants
from sma_physics.toy.detector import JET_PARTONS, draw_tags, measure
from sma_physics.toy.draws import Draws
from sma_physics.toy.events import generate
from sma_physics.toy.features import compute_masses, find_neutrino
from sma_physics.toy.kinematics import invariant_mass
from sma_physics.toy.processes import make_background, make_signal

EVENTS = 30_000
AT = {name: at for at, name in enumerate(FEATURE_NAMES)}


def gathered(*arguments, **named):
    blocks = list(generate(*arguments, **named))
    return np.concatenate([b.labels for b in blocks]), np.concatenate([b.features for b in blocks])


@pytest.fixture(scope="module")
def sample():
    return gathered(EVENTS, seed=11)


def test_there_are_as_many_finite_events_as_asked_for(sample):
    labels, features = sample
    assert labels.shape == (EVENTS,)
    assert features.shape == (EVENTS, 28)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert abs(labels.mean() - constants.SIGNAL_SHARE) < 0.01


def test_jets_come_by_falling_momentum(sample):
    _, features = sample
    momenta = features[:, [AT[f"jet{jet}_pt"] for jet in JETS]]
    assert (np.diff(momenta, axis=1) <= 0).all()


def test_what_is_selected_is_inside_the_acceptance(sample):
    _, features = sample
    names = ["lepton_pT", *(f"jet{jet}_pt" for jet in JETS)]
    assert features[:, [AT[name] for name in names]].min() >= constants.LEAST_PT
    for name in ["lepton_eta", *(f"jet{jet}_eta" for jet in JETS)]:
        assert np.abs(features[:, AT[name]]).max() <= constants.LARGEST_ETA
    assert (features[:, AT["missing_energy_magnitude"]] > 0).all()
    for feature in FEATURES:
        if feature.angle:
            assert np.abs(features[:, AT[feature.name]]).max() <= np.float32(np.pi)
            assert features[:, AT[feature.name]].std() == pytest.approx(np.pi / np.sqrt(3), rel=0.02)


def test_btags_have_the_published_values(sample):
    _, features = sample
    for jet in JETS:
        values = np.unique(features[:, AT[f"jet{jet}_btag"]])
        np.testing.assert_array_equal(values, np.float32(BTAG_VALUES[jet]))


def test_btags_come_at_the_stated_rates():
    tags = draw_tags(Draws(4), 200_000)
    for name, row in zip(JET_PARTONS, tags, strict=True):
        tagged, tight = constants.BOTTOM_TAGGED if "bottom" in name else constants.LIGHT_TAGGED
        assert (row > 0).mean() == pytest.approx(tagged, abs=0.004)
        assert (row == 2).mean() == pytest.approx(tight, abs=0.004)


def test_one_event_in_ten_has_a_single_tag_among_its_four_jets(sample):
    _, features = sample
    tags = sum(features[:, AT[f"jet{jet}_btag"]] > 0 for jet in (1, 2, 3, 4))
    assert tags.min() == 1  # the other tag is that of the fifth jet, as the README says
    assert 0.08 < (tags == 1).mean() < 0.12


def test_masses_peak_where_the_processes_say(sample):
    labels, features = sample

    def peak(name, label, width):
        masses = features[labels == label, AT[name]]
        counts, edges = np.histogram(masses, bins=np.arange(0.0, 1000.0, width))
        return edges[counts.argmax()] + width / 2

    for label in (0, 1):
        assert peak("m_jj", label, 5) == pytest.approx(constants.W_BOSON.mass, abs=7)
        assert peak("m_lv", label, 2) == pytest.approx(constants.W_BOSON.mass, abs=2)
    assert peak("m_jjj", 0, 10) == pytest.approx(constants.TOP.mass, abs=12)
    assert peak("m_jlv", 0, 10) == pytest.approx(constants.TOP.mass, abs=12)
    assert peak("m_bb", 1, 5) == pytest.approx(constants.LIGHT_HIGGS.mass, abs=7)
    assert peak("m_wbb", 1, 10) == pytest.approx(constants.CHARGED_HIGGS.mass, abs=15)
    assert peak("m_wwbb", 1, 20) == pytest.approx(constants.HEAVY_HIGGS.mass, abs=30)


def test_the_table_of_features_has_the_masses_of_the_momenta():
    events = measure(make_background(Draws(1), 2000), Draws(2))
    everything = events.lepton + find_neutrino(events.lepton, events.missing) + events.jets.sum(axis=0)
    np.testing.assert_allclose(compute_masses(events)[-1], invariant_mass(everything), rtol=1e-9)


def test_the_neutrino_gives_the_w_its_mass():
    partons = make_signal(Draws(1), 2000)
    found = find_neutrino(partons["lepton"], partons["neutrino"][1:3])
    masses = invariant_mass(found + partons["lepton"])
    assert (masses > constants.W_BOSON.mass - 1e-6).all()
    assert (np.abs(masses - constants.W_BOSON.mass) < 1e-6).mean() > 0.4
    assert (invariant_mass(found) < 1e-3).all()


def test_the_same_seed_gives_the_same_events_however_they_are_cut():
    labels, features = gathered(3000, seed=5)
    for events, rows in ((3000, 700), (1000, 1000), (8000, 65_536)):
        others, other_features = gathered(events, seed=5, rows_in_block=rows)
        count = min(events, 3000)
        np.testing.assert_array_equal(others[:count], labels[:count])
        np.testing.assert_array_equal(other_features[:count], features[:count])
    assert not np.array_equal(gathered(3000, seed=6)[1], features)
    assert len(np.unique(features, axis=0)) == 3000


def test_the_first_event_of_seed_0_is_a_known_one():
    """When this fails because the simulator was changed, give the shipped file another number as well."""
    labels, features = gathered(1, seed=0)
    known = {
        "lepton_pT": 73.50339,
        "jet2_phi": -2.7166765,
        "jet4_btag": 3.101961,
        "m_lv": 80.377,
        "m_wwbb": 633.3177,
    }
    assert labels.tolist() == [0]
    for name, value in known.items():
        assert features[0, AT[name]] == pytest.approx(value, rel=1e-5)


def test_signal_and_background_differ(sample):
    labels, features = sample
    half = EVENTS // 2
    model = LinearDiscriminantAnalysis().fit(features[:half], labels[:half])
    assert roc_auc_score(labels[half:], model.decision_function(features[half:])) > 0.68


@pytest.mark.parametrize(("events", "seed", "rows"), [(-1, 0, 10), (1, -1, 10), (1, 0, 0)])
def test_numbers_that_make_no_sense_are_refused(events, seed, rows):
    with pytest.raises(ValueError, match="must"):
        list(generate(events, seed, rows))
