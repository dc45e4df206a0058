"""Molecules with what a mask hides: which characters make which atom, and what is drawn."""

import csv
import gzip
import math
from xml.etree import ElementTree

import pytest
from rdkit import Chem

from sma_chem.bundled import freesolv, nci
from sma_chem.smiles_atoms import atom_spans, read_molecule
from sma_core.plugins import DrawnRow
from sma_core.plugins.drawing_check import SVG

draw_molecule = pytest.importorskip("sma_chem.drawing", reason="needs sma-chem[view]").draw_molecule

EVERY = 10  # of the 4,999 molecules of NCI


def row_of(smiles, hidden=(), importance=None):
    pieces = (*smiles, "")
    return DrawnRow(
        importance=importance or tuple(at / len(pieces) for at in range(len(pieces))),
        hidden=frozenset(hidden),
        text=smiles,
        pieces=pieces,
    )


def rings(drawing):
    """The title and the dashes of every ring that is drawn around an atom."""
    circles = [circle for circle in ElementTree.fromstring(drawing).iter(f"{SVG}circle") if circle.get("stroke")]
    return [(circle.find(f"{SVG}title").text, circle.get("stroke-dasharray") is not None) for circle in circles]


@pytest.mark.parametrize(
    ("smiles", "atoms"),
    [
        ("ClCBr", ["Cl", "C", "Br"]),
        ("[Na+].[Cl-]", ["[Na+]", "[Cl-]"]),
        ("C[C@@H](N)C(=O)O", ["C", "[C@@H]", "N", "C", "O", "O"]),
        ("c1cc[nH]c1", ["c", "c", "c", "[nH]", "c"]),
        ("C%12CC%12", ["C", "C", "C"]),
        ("C%(123)CC%(123)", ["C", "C", "C"]),
        ("F/C=C\\F", ["F", "C", "C", "F"]),
        ("[13CH3:2]C#N", ["[13CH3:2]", "C", "N"]),
        ("[se]1cccc1", ["[se]", "c", "c", "c", "c"]),
        ("[H]C([H])([H])[H]", ["[H]", "C", "[H]", "[H]", "[H]"]),
        ("[2H]O[2H]", ["[2H]", "O", "[2H]"]),
        ("*c1ccncc1B(O)O", ["*", "c", "c", "c", "n", "c", "c", "B", "O", "O"]),
        ("[Sc+3].[#6]I", ["[Sc+3]", "[#6]", "I"]),
        ("N->[Fe]", ["N", "[Fe]"]),
    ],
)
def test_atoms_are_found_in_the_text(smiles, atoms):
    assert [smiles[begin:end] for begin, end in atom_spans(smiles)] == atoms
    assert read_molecule(smiles).GetNumAtoms() == len(atoms)


def test_atoms_of_real_molecules_are_those_of_rdkit():
    with gzip.open(freesolv(), "rt", encoding="utf-8") as file:
        texts = [line["smiles"] for line in csv.DictReader(file)]
    texts += [line.split()[0] for line in nci().read_text().splitlines()[::EVERY] if line.strip()]
    read = [text for text in texts if Chem.MolFromSmiles(text) is not None]
    assert len(read) > 1100
    for text in read:
        symbols = [atom.GetSymbol().lower() for atom in read_molecule(text).GetAtoms()]
        spelled = [text[begin:end].strip("[]").lstrip("0123456789").lower() for begin, end in atom_spans(text)]
        assert all(word.startswith(symbol) for word, symbol in zip(spelled, symbols, strict=True)), text


@pytest.mark.parametrize("text", ["", "C1CC", "Sn", "c1ccccc", "protein"])
def test_what_is_no_molecule_is_drawn_as_letters_with_the_reason(text):
    drawing = draw_molecule(row_of(text, hidden={0}))
    words = [element.text for element in ElementTree.fromstring(drawing).iter(f"{SVG}text")]
    assert words == ["no molecule to draw: RDKit cannot parse the SMILES", *text]


def test_a_hidden_atom_has_a_ring_and_one_hidden_in_part_a_dashed_ring():
    smiles = "CC(=O)[NH-]"
    hidden = {0, smiles.index("="), smiles.index("("), smiles.index("H")}
    found = rings(draw_molecule(row_of(smiles, hidden)))
    assert [(title.partition(":")[0], dashed) for title, dashed in found] == [
        ("atom 1 C", False),
        ("atom 4 [NH-]", True),
    ]
    assert rings(draw_molecule(row_of(smiles))) == []
    assert len(rings(draw_molecule(row_of(smiles, range(12))))) == 4


def test_an_atom_has_the_mean_importance_of_its_characters():
    importance = (0.25, 0.75, math.nan, 0.0, 1.0, 0.0)
    drawing = draw_molecule(row_of("ClC=C", importance=importance))
    titles = [circle.find(f"{SVG}title") for circle in ElementTree.fromstring(drawing).iter(f"{SVG}circle")]
    said = [title.text.partition(": ")[2] for title in titles if title is not None]
    assert said == ["0.5, 0 of 2 hidden", "unknown, 0 of 1 hidden", "1, 0 of 1 hidden"]


def test_the_drawing_takes_the_colour_of_the_page():
    drawing = draw_molecule(row_of("c1ccccc1O"))
    assert "#000000" not in drawing
    assert "currentColor" in drawing


def test_signed_values_of_an_atom_are_the_sum_of_its_characters():
    row = DrawnRow(importance=(-1.0, 2.0, 3.0, 0.0), text="OCl", pieces=("O", "C", "l", ""), signed=True)
    circles = list(ElementTree.fromstring(draw_molecule(row)).iter(f"{SVG}circle"))
    titles = [each.find(f"{SVG}title").text for each in circles if each.find(f"{SVG}title") is not None]
    assert titles == ["atom 1 O: -1", "atom 2 Cl: 5"]
    low, high = (each for each in circles if each.get("fill", "none") != "none")
    assert low.get("fill") != high.get("fill")
    assert float(low.get("fill-opacity")) == pytest.approx(float(high.get("fill-opacity")) / 5, abs=2e-3)
