"""Drawing of an event with its mask: the features, grouped by physics object, with their original values."""

from __future__ import annotations

from sma_core.plugins import DrawnRow
from sma_physics.schema import FEATURES
from sma_view.bars import draw_groups

GROUPS = {"lepton": "lepton", "missing": "missing momentum", "m": "masses"} | {
    f"jet{number}": f"jet {number}" for number in (1, 2, 3, 4)
}
"""First word of a feature's name -> title of its group."""
OTHERS = "other features"

_MEANINGS = {
    feature.name: feature.meaning + ("" if feature.unit == "1" else f", {feature.unit} in the toy")
    for feature in FEATURES
}


def draw_event(row: DrawnRow) -> str:
    """Draw one bar per feature, grouped by object; features that are not in HIGGS come last."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(row.features):
        group = GROUPS[name.partition("_")[0]] if name in _MEANINGS else OTHERS
        places.setdefault(group, []).append(place)
    if set(places) == {OTHERS}:
        places = {"": places[OTHERS]}
    elif OTHERS in places:
        places[OTHERS] = places.pop(OTHERS)
    return draw_groups(row, places, _MEANINGS)
