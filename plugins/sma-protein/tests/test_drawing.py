"""Proteins with what a mask hides: blocks of ten, sixty on a line, numbered."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from sma_core.plugins import DrawnRow
from sma_core.plugins.drawing_check import SVG

draw_sequence = pytest.importorskip("sma_protein.drawing", reason="needs sma-protein[view]").draw_sequence


def row_of(pieces, hidden=()):
    return DrawnRow(
        importance=tuple(float(at) for at in range(len(pieces))),
        hidden=frozenset(hidden),
        text="".join(pieces),
        pieces=tuple(pieces),
    )


def texts(drawing):
    """What is written: (text, x, y)."""
    found = ElementTree.fromstring(drawing).iter(f"{SVG}text")
    return [(each.text, float(each.get("x")), float(each.get("y"))) for each in found]


def hidden_titles(drawing):
    groups = [
        group for group in ElementTree.fromstring(drawing).iter(f"{SVG}g") if group.find(f"{SVG}title") is not None
    ]
    marked = [group for group in groups if any(rect.get("stroke") for rect in group.findall(f"{SVG}rect"))]
    return [group.find(f"{SVG}title").text for group in marked]


def test_residues_stand_in_blocks_of_ten_and_lines_of_sixty_with_numbers():
    sequence = "MKTAYIAKQR" * 13
    written = texts(draw_sequence(row_of([*sequence, ""])))
    letters, numbers = written[:130], written[130:]
    assert "".join(text for text, _, _ in letters) == sequence
    assert [text for text, _, _ in numbers] == ["1", "61", "121"]
    lines = [[(x, y) for _, x, y in letters[begin : begin + 60]] for begin in (0, 60, 120)]
    assert [len({y for _, y in line}) for line in lines] == [1, 1, 1]
    assert lines[0][0][0] == lines[1][0][0] == lines[2][0][0]
    steps = [round(after[0] - before[0], 3) for before, after in pairwise(lines[0])]
    wider = [at for at, step in enumerate(steps, start=1) if step > min(steps)]
    assert wider == [10, 20, 30, 40, 50]


def test_what_is_hidden_is_boxed_the_separator_too():
    found = hidden_titles(draw_sequence(row_of([*"MKT", ""], hidden={1, 3})))
    assert found == ["2 'K': 1, hidden", "4 (end marker): 3, hidden"]


def test_residues_of_longer_pieces_share_what_their_piece_is():
    drawing = draw_sequence(row_of(["MKT", "AY", ""], hidden={1}))
    assert "".join(text for text, _, _ in texts(drawing)) == "MKTAY1"
    assert hidden_titles(drawing) == ["2 'AY': 1, hidden"] * 2


def test_no_residue_is_a_picture_too():
    assert texts(draw_sequence(row_of([""]))) == [("1", 28.0, 17.0)]


def test_signed_values_are_a_logo_above_and_below_its_line():
    row = DrawnRow(importance=(2.0, -1.0, 0.01, 0.0), text="MKT", pieces=("M", "K", "T", ""), signed=True)
    root = ElementTree.fromstring(draw_sequence(row))
    letters = {each.text: each for each in root.iter(f"{SVG}text")}
    areas = [(float(rect.get("y")), float(rect.get("height"))) for rect in root.iter(f"{SVG}rect")]
    (above, tall), (below, half) = areas
    assert tall == 2 * half  # as large as the values
    assert above + tall == below  # the line
    assert letters["M"].get("fill") != letters["K"].get("fill")
    assert letters["T"].get("font-size") == "8"  # too flat to read
