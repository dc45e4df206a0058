"""A molecule with what a mask hides: atoms on the colour of their importance, and the SMILES below.

An atom's importance is the mean over its characters. One whose characters are all hidden has a ring around it, one
of which some are hidden a dashed ring. A text that is no molecule is drawn as letters alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

from sma_chem.smiles_atoms import atom_spans, read_molecule
from sma_core.plugins import DrawnRow
from sma_view.letters import letter_parts
from sma_view.svg import SANS, Shades, document, escaped, mean, said

WIDTH, HEIGHT = 292, 210
"""Pixels that the molecule has."""
RADIUS = 0.4
"""Of an atom's circle, in lengths of a bond."""
DASHES = ' stroke-dasharray="3 2.5"'


def draw_molecule(row: DrawnRow) -> str:
    """Draw the molecule of a row, or say in a line above its letters why there is none."""
    try:
        parts, top = _molecule(row, read_molecule(row.text)), float(HEIGHT)
    except ValueError as error:
        parts, top = [_note(f"no molecule to draw: {error}", 13.0)], 18.0
    letters, width, bottom = letter_parts(row, top)
    label = f"{row.text}: {len(row.hidden)} of {len(row.importance)} inputs hidden"
    return document(max(width, WIDTH), bottom, [*parts, *letters], label)


def _note(text: str, y: float) -> str:
    attributes = f'x="3" y="{y:g}" font-size="11" font-family="{SANS}" fill-opacity="0.7"'
    return f"<text {attributes}>{escaped(text)}</text>"


def _molecule(row: DrawnRow, molecule: Chem.Mol) -> list[str]:
    """Return circles of importance, the molecule over them, and rings around hidden atoms."""
    drawing, places = _drawn(molecule)
    radius, shades = RADIUS * _bond_length(molecule, places), Shades(row.importance)
    circles, rings = [], []
    owners = row.owners
    for number, (begin, end) in enumerate(atom_spans(row.text)):
        inputs = sorted(set(owners[begin:end]))
        hidden = sum(place in row.hidden for place in inputs)
        importance = mean(row.importance[place] for place in inputs)
        x, y = places[number]
        circle = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"'
        title = f"atom {number + 1} {row.text[begin:end]}: {said(importance)}, {hidden} of {len(inputs)} hidden"
        circles.append(f"<circle {circle} {shades.fill(importance)}/>")
        # The transparent disc is there to be pointed at.
        rings.append(
            f'<circle {circle} fill-opacity="0"{_ring(hidden, inputs)}><title>{escaped(title)}</title></circle>'
        )
    partly = any(DASHES in ring for ring in rings)
    notes = [_note("dashed: part of the atom's text is hidden", HEIGHT - 4.0)] if partly else []
    return [*circles, f'<g pointer-events="none">{drawing}</g>', *rings, *notes]


def _ring(hidden: int, inputs: Sequence[int]) -> str:
    """Return the attributes of the ring of an atom of which so many inputs are hidden."""
    if not hidden:
        return ""
    return f' stroke="currentColor" stroke-width="2"{"" if hidden == len(inputs) else DASHES}'


def _drawn(molecule: Chem.Mol) -> tuple[str, Sequence[tuple[float, float]]]:
    """Return RDKit's drawing, in the colour of the page's text, and where each atom stands."""
    drawer = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT)
    options = drawer.drawOptions()
    options.clearBackground = False
    options.useBWAtomPalette()
    options.padding = 0.08
    options.fixedBondLength = 32
    try:
        drawer.DrawMolecule(rdMolDraw2D.PrepareMolForDrawing(molecule, addChiralHs=False))
    except Chem.MolSanitizeException:  # aromatic rings that cannot be written with double bonds
        drawer.DrawMolecule(rdMolDraw2D.PrepareMolForDrawing(molecule, kekulize=False, addChiralHs=False))
    drawer.FinishDrawing()
    places = [drawer.GetDrawCoords(atom) for atom in range(molecule.GetNumAtoms())]
    body = drawer.GetDrawingText().partition("<!-- END OF HEADER -->")[2].rpartition("</svg>")[0]
    return body.replace("#000000", "currentColor"), [(place.x, place.y) for place in places]


def _bond_length(molecule: Chem.Mol, places: Sequence[tuple[float, float]]) -> float:
    """Return the length of a bond in pixels, from 12 to 32."""
    lengths = [
        ((places[bond.GetBeginAtomIdx()][0] - places[bond.GetEndAtomIdx()][0]) ** 2
        + (places[bond.GetBeginAtomIdx()][1] - places[bond.GetEndAtomIdx()][1]) ** 2) ** 0.5
        for bond in molecule.GetBonds()
    ]  # fmt: skip
    return min(max(sorted(lengths)[len(lengths) // 2], 12.0), 32.0) if lengths else 32.0
