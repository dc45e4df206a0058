"""The general pictures of rows, what may stand in a page, and who draws a row that a renderer cannot."""

import math
from xml.etree import ElementTree

import pytest

from sma_core.errors import PluginError
from sma_core.plugins import DrawnRow, Renderer
from sma_core.plugins.drawing_check import SVG, checked
from sma_core.plugins.registry import Registry
from sma_view.bars import draw_bars, draw_groups
from sma_view.course import draw_course
from sma_view.drawer import Drawer
from sma_view.letters import draw_letters
from sma_view.svg import SPAN, STRONGEST, Shades

WORD = DrawnRow(importance=(0.1, 0.5, 0.2), hidden=frozenset({1}), text="ab", pieces=("a", "b", ""), prefix="r1-")
BOX = DrawnRow(importance=(0.1, 0.5), hidden=frozenset({0}), features=("height", "width"), values=(1.25, math.nan))


def texts(drawing):
    return [element.text for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def titles(drawing):
    return [element.text for element in ElementTree.fromstring(drawing).iter(f"{SVG}title")]


def boxes(drawing):
    """What the marks of hidden inputs stand beside."""
    groups = ElementTree.fromstring(drawing).iter(f"{SVG}g")
    marked = [group for group in groups if any(rect.get("stroke") for rect in group.findall(f"{SVG}rect"))]
    return [group.find(f"{SVG}title").text for group in marked]


def test_letters_say_what_each_input_is_and_box_what_is_hidden():
    drawing = draw_letters(WORD)
    assert texts(drawing) == ["a", "b"]
    assert titles(drawing) == ["1 'a': 0.1", "2 'b': 0.5, hidden", "3 (end marker): 0.2"]
    assert boxes(drawing) == ["2 'b': 0.5, hidden"]


def test_letters_of_a_tokenizer_of_longer_pieces_and_of_several_bytes():
    row = DrawnRow(importance=(0.0,) * 4, text="the 漢", pieces=("the", " ", "", "漢"))
    assert texts(draw_letters(row)) == ["the", "␣", "漢"]
    assert row.owners == (0, 0, 0, 1, 3)


def test_no_letter_and_many_letters_fit():
    assert texts(draw_letters(DrawnRow(importance=()))) == []
    long = DrawnRow(importance=(0.0,) * 200, text="x" * 200, pieces=("x",) * 200)
    root = ElementTree.fromstring(draw_letters(long))
    assert float(root.get("width")) < 300
    assert all(float(text.get("x")) < 300 for text in root.iter(f"{SVG}text"))
    assert len({text.get("y") for text in root.iter(f"{SVG}text")}) == 8


def test_bars_are_as_long_as_importance_and_say_the_values():
    drawing = draw_bars(BOX)
    assert texts(drawing) == ["height", "1.25", "width", "missing"]
    bars = [rect for rect in ElementTree.fromstring(drawing).iter(f"{SVG}rect") if rect.get("height") == "10"]
    shares = [(math.log(value / 0.3, 8) + 1) / 2 for value in (0.1, 0.5)]  # 0.3 is the mean of the row
    assert [float(bar.get("width")) for bar in bars] == pytest.approx([92 * share for share in shares], rel=1e-3)
    assert boxes(drawing) == ["height; importance 0.1, hidden"]


def test_bars_in_groups_have_headings_and_meanings():
    drawing = draw_groups(BOX, {"sizes": [1], "others": [0]}, {"width": "how wide"})
    assert texts(drawing) == ["sizes", "width", "missing", "others", "height", "1.25"]
    assert titles(drawing)[0] == "width: how wide; importance 0.5"


@pytest.mark.parametrize("draw", [draw_letters, draw_bars])
def test_a_row_of_the_other_kind_is_refused(draw):
    with pytest.raises(ValueError, match="are for rows of"):
        draw(BOX if draw is draw_letters else WORD)


def test_shades_are_relative_to_the_mean_on_one_logarithmic_scale():
    shades = Shades([math.nan, 1.0, 3.0, math.inf])
    values = (0.0, 2.0 / SPAN, 2.0, 2.0 * SPAN, 99.0, math.nan)
    assert [shades.share(value) for value in values] == pytest.approx([0.0, 0.0, 0.5, 1.0, 1.0, None])
    assert shades.fill(math.nan) == 'fill="none"'
    assert f'fill-opacity="{STRONGEST:.3f}"' in shades.fill(99.0)
    assert Shades([]).share(1.0) is None
    assert Shades([0.0, 0.0]).share(0.0) == 0.0


def test_nearly_uniform_importance_has_nearly_one_colour():
    importance = [1.0, 1.02, 0.99]
    shades = Shades(importance)
    assert max(map(shades.share, importance)) - min(map(shades.share, importance)) < 0.01


def test_a_declaration_is_taken_off():
    svg = '<svg xmlns="http://www.w3.org/2000/svg"/>'
    assert checked(f"<?xml version='1.0' encoding='iso-8859-1'?>\n{svg}\n") == svg


@pytest.fixture
def drawer_of(toy, monkeypatch):
    """Return a function that makes a drawer whose renderer, ``own``, is the given function."""

    def make(function):
        registry = Registry.load(toy)
        spec = Renderer(name="own", summary="Own", factory="nowhere:draw")
        find, build, provider = registry.find, registry.build, registry.provider
        monkeypatch.setattr(registry, "find", lambda kind, name: spec if name == "own" else find(kind, name))
        monkeypatch.setattr(registry, "build", lambda wanted: function if wanted is spec else build(wanted))
        monkeypatch.setattr(
            registry, "provider", lambda wanted: "sma-own 1.0" if wanted is spec else provider(wanted)
        )
        return Drawer(registry, "own")

    return make


def test_what_a_renderer_cannot_draw_is_drawn_by_the_general_one_with_one_line_of_warning(drawer_of, capsys):
    def draw(row):
        print("noise")
        if row.hidden:
            raise RuntimeError("no\nink")
        return '<svg xmlns="http://www.w3.org/2000/svg"/>'

    drawer = drawer_of(draw)
    plain = DrawnRow(importance=WORD.importance, text="ab", pieces=("a", "b", ""))
    assert drawer.draw(plain, 1) == draw(plain)
    assert drawer.warning is None
    assert [drawer.draw(WORD, row) for row in (7, 8)] == [draw_letters(WORD)] * 2
    assert drawer.warning == (
        "the renderer 'own' of sma-own 1.0 did not draw 2 of 3 pictures, "
        "the first of row 7: RuntimeError: no ink; the general one drew them"
    )
    assert capsys.readouterr().out == "noise\n"  # ours, above


@pytest.mark.parametrize("answer", [None, "<p/>", '<svg xmlns="http://www.w3.org/2000/svg" id="a"/>'])
def test_what_is_no_drawing_is_not_put_in_the_page(drawer_of, answer):
    drawer = drawer_of(lambda row: answer)
    assert drawer.draw(WORD, 1) == draw_letters(WORD)
    assert "ValueError" in drawer.warning


def test_a_renderer_that_the_user_names_must_be_there(toy):
    with pytest.raises(PluginError, match="has no renderer 'letter': did you mean 'letters'"):
        Drawer(Registry.load("toy"), "letter")


def test_bars_of_signed_values_go_to_both_sides_of_the_middle():
    row = DrawnRow(importance=(-2.0, 1.0), features=("height", "width"), values=(1.0, 2.0), signed=True)
    root = ElementTree.fromstring(draw_bars(row))
    left, right = ((float(rect.get("x")), float(rect.get("width"))) for rect in root.iter(f"{SVG}rect"))
    assert sum(left) == pytest.approx(right[0])
    assert left[1] == pytest.approx(2 * right[1])
    assert titles(draw_bars(row)) == ["height; adds -2", "width; adds 1"]


def test_a_course_has_a_panel_for_each_channel_and_gaps_where_values_are_missing():
    row = DrawnRow(
        importance=(1.0, -1.0, 0.0),
        features=("position 1", "position 2", "position 3"),
        channels=("x", "<y>"),
        vectors=((1.0, 2.0), (math.nan, 1.0), (3.0, 4.0)),
        signed=True,
        channel_importance=((2.0, -1.0), (0.0, -1.0), (0.5, -0.5)),
    )
    drawing = checked(draw_course(row), row.prefix)
    rects = list(ElementTree.fromstring(drawing).iter(f"{SVG}rect"))
    assert len(rects) == 6
    assert float(rects[0].get("fill-opacity")) == STRONGEST
    assert rects[3].get("fill") != rects[0].get("fill")
    assert "position 2: missing; adds 0" in titles(drawing)
    paths = [path.get("d").count("M") for path in ElementTree.fromstring(drawing).iter(f"{SVG}path")]
    assert paths == [2, 1]
    with pytest.raises(ValueError, match="sequences of vectors"):
        draw_course(BOX)
