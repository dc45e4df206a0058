"""Drawing of a molecule with its mask: atoms coloured by importance, and the SMILES below.

The importance of an atom is the mean over its characters, or the sum of signed values, which are then also the
colours of the atoms: the largest sum has the strongest. Hidden atoms have a ring, which is dashed if only some
of the atom's characters are hidden. For an invalid SMILES, only the text is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

from rdkit import Chem
from rdkit.Chem.Draw import rdMolDraw2D

from sma_chem.smiles_atoms import atom_spans, read_molecule
from sma_core.plugins import DrawnRow
from sma_view.letters import letter_parts
from sma_view.svg import SANS, Shades, document, escaped, mean, said, told

WIDTH, HEIGHT = 292, 210
"""Size of the molecule in pixels."""
RADIUS = 0.4
"""Radius of an atom's circle, relative to the bond length."""
DASHES = ' stroke-dasharray="3 2.5"'


def draw_molecule(row: DrawnRow) -> str:
    """Draw the molecule of a row above its text, or a note if the text is not a valid molecule."""
    try:
        parts, top = _molecule(row, read_molecule(row.text)), float(HEIGHT)
    except ValueError as error:
        parts, top = [_note(f"no molecule to draw: {error}", 13.0)], 18.0
    letters, width, bottom = letter_parts(row, top)
    return document(max(width, WIDTH), bottom, [*parts, *letters], f"{row.text}: {told(row)}")


def _note(text: str, y: float) -> str:
    attributes = f'x="3" y="{y:g}" font-size="11" font-family="{SANS}" fill-opacity="0.7"'
    return f"<text {attributes}>{escaped(text)}</text>"


def _molecule(row: DrawnRow, molecule: Chem.Mol) -> list[str]:
    """Return circles of importance, the molecule over them, and rings around hidden atoms."""
    drawing, coordinates = _drawn(molecule)
    radius = RADIUS * _bond_length(molecule, coordinates)
    circles, rings = [], []
    owners, spans = row.owners, atom_spans(row.text)
    atoms = [sorted(set(owners[begin:end])) for begin, end in spans]
    total: Callable[[Iterable[float]], float] = sum if row.signed else mean
    values = [total(row.importance[place] for place in inputs) for inputs in atoms]
    shades = Shades(values, signed=True) if row.signed else Shades.of(row)
    for number, ((begin, end), inputs, importance) in enumerate(zip(spans, atoms, values, strict=True)):
        hidden = sum(place in row.hidden for place in inputs)
        x, y = coordinates[number]
        circle = f'cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"'
        share = "" if row.signed else f", {hidden} of {len(inputs)} hidden"
        title = f"atom {number + 1} {row.text[begin:end]}: {said(importance)}{share}"
        circles.append(f"<circle {circle} {shades.fill(importance)}/>")
        # The transparent disc receives the pointer events that show the title.
        rings.append(
            f'<circle {circle} fill-opacity="0"{_ring(hidden, inputs)}><title>{escaped(title)}</title></circle>'
        )
    has_dashes = any(DASHES in ring for ring in rings)
    notes = [_note("dashed: part of the atom's text is hidden", HEIGHT - 4.0)] if has_dashes else []
    return [*circles, f'<g pointer-events="none">{drawing}</g>', *rings, *notes]


def _ring(hidden: int, inputs: Sequence[int]) -> str:
    """Return the SVG attributes of an atom's ring, given the number of its inputs that are hidden."""
    if not hidden:
        return ""
    return f' stroke="currentColor" stroke-width="2"{"" if hidden == len(inputs) else DASHES}'


def _drawn(molecule: Chem.Mol) -> tuple[str, Sequence[tuple[float, float]]]:
    """Return RDKit's drawing, in the page's text colour, and the coordinates of the atoms."""
    drawer = rdMolDraw2D.MolDraw2DSVG(WIDTH, HEIGHT)
    options = drawer.drawOptions()
    options.clearBackground = False
    options.useBWAtomPalette()
    options.padding = 0.08
    options.fixedBondLength = 32
    try:
        drawer.DrawMolecule(rdMolDraw2D.PrepareMolForDrawing(molecule, addChiralHs=False))
    except Chem.MolSanitizeException:  # the molecule cannot be kekulized
        drawer.DrawMolecule(rdMolDraw2D.PrepareMolForDrawing(molecule, kekulize=False, addChiralHs=False))
    drawer.FinishDrawing()
    points = [drawer.GetDrawCoords(atom) for atom in range(molecule.GetNumAtoms())]
    body = drawer.GetDrawingText().partition("<!-- END OF HEADER -->")[2].rpartition("</svg>")[0]
    return body.replace("#000000", "currentColor"), [(point.x, point.y) for point in points]


def _bond_length(molecule: Chem.Mol, coordinates: Sequence[tuple[float, float]]) -> float:
    """Return the median bond length in pixels, clamped to 12 to 32."""
    ends = [(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in molecule.GetBonds()]
    lengths = [math.dist(coordinates[begin], coordinates[end]) for begin, end in ends]
    return min(max(sorted(lengths)[len(lengths) // 2], 12.0), 32.0) if lengths else 32.0
