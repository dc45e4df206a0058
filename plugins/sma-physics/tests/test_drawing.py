"""Events with what a mask hides: features by object, values as the file has them."""

from xml.etree import ElementTree

import pytest

from sma_core.plugins import DrawnRow
from sma_core.plugins.drawing_check import SVG
from sma_physics.schema import FEATURE_NAMES

draw_event = pytest.importorskip("sma_physics.drawing", reason="needs sma-physics[view]").draw_event

HEADINGS = ["lepton", "missing momentum", "jet 1", "jet 2", "jet 3", "jet 4", "masses"]


def drawn(features, hidden=()):
    count = len(features)
    values = tuple(at + 0.5 for at in range(count))
    row = DrawnRow(importance=(0.1,) * count, hidden=frozenset(hidden), features=tuple(features), values=values)
    return ElementTree.fromstring(draw_event(row))


def words(root):
    return [text.text for text in root.iter(f"{SVG}text")]


def headings(root):
    return [text.text for text in root.iter(f"{SVG}text") if text.get("font-weight") == "bold"]


def test_features_stand_by_their_object_with_their_values():
    root = drawn(FEATURE_NAMES)
    assert headings(root) == HEADINGS
    found = [word for word in words(root) if word not in HEADINGS]
    assert found[::2] == list(FEATURE_NAMES)
    assert found[1::2] == [f"{at + 0.5:g}" for at in range(28)]


def test_pointing_at_a_feature_says_what_it_is():
    titles = [title.text for title in drawn(FEATURE_NAMES, hidden={0}).iter(f"{SVG}title")]
    assert titles[0] == ("lepton_pT: transverse momentum of the lepton, GeV in the toy; importance 0.1, hidden")


def test_features_of_ones_own_come_last_or_stand_alone():
    assert headings(drawn(("pt", "m_jj", "jet1_pt"))) == ["masses", "jet 1", "other features"]
    assert headings(drawn(("pt", "jet1", "m_top"))) == []
