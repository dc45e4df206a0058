"""Readers of structure files, SDF and Mol2: each record becomes a canonical SMILES, named by the record's title.

Records are split here and parsed one at a time by RDKit, so only one is in memory, and a record that RDKit cannot
parse, or with more atoms than `MOST_ATOMS`, is rejected without affecting the others. Data items of an SDF record
(``> <logP>``) are its further columns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rdkit import Chem, rdBase

from sma_chem.molecules import MOST_ATOMS, NO_ATOMS, UNREADABLE, too_many_atoms
from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import read_lines
from sma_core.errors import DataError

LONGEST_RECORD = 16 << 20
"""Maximum size of a record in bytes."""
CUT_OFF = "the record is truncated: no $$$$ line"
_ITEM = re.compile(r">.*?<([^>]*)>")
_COUNTS_V3000 = re.compile(r"^M  V30 COUNTS +(\d+)", re.MULTILINE)
_MOLECULE = "@<TRIPOS>MOLECULE"


def read_sdf(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the molecules of an SDF file; ``fields`` are data items, empty where a record lacks one.

    Raises `DataError` if a column is requested, or no record has a data item.
    """
    refuse_columns(path, column, ())
    number, seen = 0, set[str]()
    for number, lines in enumerate(_records(path), start=1):
        items = _items(lines)
        seen |= items.keys()
        values = tuple(items.get(field, "") for field in fields)
        complete = lines[-1].startswith("$$$$")
        row = _row(number, _mol_block(lines), lines[0], values, _atoms_in_mol, Chem.MolFromMolBlock)
        yield row if complete or isinstance(row, Row) else RejectedRow(number, CUT_OFF, row.text, values, row.name)
    if not number:
        raise no_rows(path)
    missing = next((field for field in fields if field not in seen), None)
    if missing is not None:
        raise DataError(f"{path} has no data item {missing!r}; its data items are: {', '.join(sorted(seen))}")


def read_mol2(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the molecules of a Mol2 file; raise `DataError` if columns are requested."""
    refuse_columns(path, column, fields)
    number = 0
    for number, lines in enumerate(_split(path, lambda line: line.startswith(_MOLECULE), before=True), start=1):
        name = lines[1] if len(lines) > 1 else ""
        yield _row(number, "\n".join([*lines, ""]), name, (), _atoms_in_mol2, Chem.MolFromMol2Block)
    if not number:
        raise no_rows(path)


def _row(
    number: int,
    block: str,
    name: str,
    fields: tuple[str, ...],
    count: Callable[[str], int],
    parse: Callable[[str], Chem.Mol | None],
) -> Row | RejectedRow:
    """Convert a record to a row with its SMILES."""
    atoms = count(block)
    if atoms > MOST_ATOMS:
        return RejectedRow(number, too_many_atoms(atoms), name, fields, name.strip())
    with rdBase.BlockLogs():
        molecule = parse(block)
        if molecule is None or not molecule.GetNumAtoms():
            reason = UNREADABLE.replace("SMILES", "record") if molecule is None else NO_ATOMS
            return RejectedRow(number, reason, name, fields, name.strip())
        return row_or_rejected(number, Chem.MolToSmiles(molecule), fields, name)


def _records(path: Path) -> Iterator[list[str]]:
    for lines in _split(path, lambda line: line.startswith("$$$$"), before=False):
        if any(line.strip() for line in lines):
            yield lines


def _split(path: Path, ends: Callable[[str], bool], before: bool) -> Iterator[list[str]]:
    """Split a file into records after, or ``before``, the lines that ``ends`` accepts.

    Lines before the first record are skipped with ``before``. Raises `DataError` for an endless record.
    """
    record: list[str] = []
    size, started = 0, not before
    for line in read_lines(path):
        text = line.decode("utf-8", "replace")
        if before and ends(text):
            if started:
                yield record
            record, size, started = [], 0, True
        if not started:
            continue
        record.append(text)
        size += len(text)
        if size > LONGEST_RECORD:
            raise DataError(
                f"{path} has a record of over {LONGEST_RECORD >> 20} MiB; check that it holds molecules"
            )
        if not before and ends(text):
            yield record
            record, size = [], 0
    if record:
        yield record


def _mol_block(lines: Sequence[str]) -> str:
    """Return the structure of an SDF record, without its data items."""
    end = next((index + 1 for index, line in enumerate(lines) if line.startswith("M  END")), len(lines))
    return "\n".join([*lines[:end], ""])


def _items(lines: Sequence[str]) -> dict[str, str]:
    """Return the data items of an SDF record: the lines after a header up to an empty one."""
    items: dict[str, str] = {}
    name: str | None = None
    for line in lines:
        if line.startswith(">") and (match := _ITEM.match(line)):
            name = match[1]
            items[name] = ""
        elif not line.strip() or line.startswith("$$$$"):
            name = None
        elif name is not None:
            items[name] = f"{items[name]}\n{line}".strip()
    return items


def _atoms_in_mol(block: str) -> int:
    """Return the declared number of atoms; 0 if it cannot be read, which RDKit then rejects."""
    match = _COUNTS_V3000.search(block)
    counts = match[1] if match else "".join(block.split("\n")[3:4])[:3]
    return int(counts) if counts.strip().isdigit() else 0


def _atoms_in_mol2(block: str) -> int:
    words = "".join(block.split("\n")[2:3]).split()
    return int(words[0]) if words and words[0].isdigit() else 0
