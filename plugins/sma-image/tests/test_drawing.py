"""Drawings of pictures with what a mask hides."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from sma_core.plugins import DrawnRow

drawing = pytest.importorskip("sma_image.drawing", reason="needs sma-image[view]")


def drawn(side=4, channels=1, **changes):
    vectors = tuple(tuple(float(place) for _ in range(channels)) for place in range(side * side))
    facts = {
        "importance": tuple(1.0 for _ in vectors),
        "hidden": frozenset({1, 5}),
        "features": tuple(str(place + 1) for place in range(len(vectors))),
        "channels": tuple("abc"[:channels]),
        "vectors": vectors,
    }
    return DrawnRow(**(facts | changes))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_drawing_has_every_pixel_and_crosses_hidden_ones_out(channels):
    svg = drawing.draw_picture(drawn(channels=channels))
    root = ElementTree.fromstring(svg)
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("rect") == 3 * 16 - 2
    assert names.count("path") == 2
    assert "row 2, column 2" in svg
    assert root.attrib["aria-label"] == "picture of 4 x 4 pixels, 2 hidden"


def test_the_grid_is_that_of_the_model_else_a_square():
    assert drawing.grid_of(drawn()) == (4, 4)
    assert drawing.grid_of(drawn(grid=(2, 8))) == (2, 8)
    for wrong in (drawn(grid=(3, 5)), drawn(vectors=drawn().vectors[:7])):
        with pytest.raises(ValueError, match="do not fill a grid"):
            drawing.grid_of(wrong)


def test_signed_values_lie_on_a_pale_picture():
    values = (-4.0, *(0.0,) * 14, 2.0)
    svg = drawing.draw_picture(drawn(importance=values, hidden=frozenset(), signed=True))
    rects = [each for each in ElementTree.fromstring(svg).iter() if each.tag.endswith("rect")]
    assert len(rects) == 3 * 16
    lowers, raises = rects[17], rects[-1]
    assert lowers.attrib["fill"] != raises.attrib["fill"]
    assert float(lowers.attrib["fill-opacity"]) == 2 * float(raises.attrib["fill-opacity"])
    assert "row 1, column 1: a 0; adds -4" in svg


def test_what_is_not_known_is_not_drawn():
    svg = drawing.draw_picture(drawn(importance=(float("nan"),) * 16, hidden=frozenset()))
    assert ">importance<" not in svg
    assert "what the model sees" not in svg
    assert svg.count("<rect") == 16
