"""Readers of GenBank and UniProt flat files, whose records end with a ``//`` line.

Records are split here and parsed one at a time with Biopython, so only one is in memory and a record that
Biopython cannot parse is rejected without affecting the others. Biopython converts sequences to upper case.
Text before the first record is skipped, since NCBI files start with a header.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from Bio import SeqIO, SwissProt
from Bio.Seq import UndefinedSequenceError

from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import read_lines
from sma_core.errors import DataError
from sma_protein.readers import check_record_size

CUT_OFF = "the record is truncated: no // line"
NUCLEOTIDES = "nucleotides, not a protein"
NO_SEQUENCE = "the record has no sequence"

Named = tuple[str, str]
"""Accession and sequence of a record."""

_LOCUS = re.compile(r"LOCUS +\S+ +(\d+) +(aa|bp|rc)\b")


class _UnusableError(Exception):
    """Reason why a record is rejected."""


def read_genbank(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the sequences of a GenBank or GenPept file; raise `DataError` if columns are requested.

    Nucleotide records are rejected, because their letters are also valid amino acids.
    """
    refuse_columns(path, column, fields)
    return _read(path, "GenBank", b"LOCUS ", _genbank_sequence)


def read_uniprot(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the sequences of a UniProt (Swiss-Prot, TrEMBL) file; raise `DataError` if columns are requested."""
    refuse_columns(path, column, fields)
    return _read(path, "UniProt", b"ID   ", _uniprot_sequence)


def _read(
    path: Path, format_name: str, begins: bytes, parse: Callable[[str], Named]
) -> Iterator[Row | RejectedRow]:
    number = 0
    for number, (record, complete) in enumerate(_records(path, begins), start=1):
        yield _row(number, record, complete, parse)
    if not number:
        if next(read_lines(path), None) is None:
            raise no_rows(path)
        raise DataError(f"{path} is not a {format_name} file: no line starts with {begins.decode().strip()!r}")


def _records(path: Path, begins: bytes) -> Iterator[tuple[list[bytes], bool]]:
    """Yield the lines of each record and whether it is complete."""
    record: list[bytes] = []
    size, started = 0, False
    for line in read_lines(path):
        if line.startswith(begins):
            if record:
                yield record, False
            record, size, started = [], 0, True
        if not started or not (record or line.strip()):
            continue
        record.append(line)
        size += len(line)
        check_record_size(path, size)
        if line.rstrip() == b"//":
            yield record, True
            record, size = [], 0
    if record:
        yield record, False


def _row(number: int, record: list[bytes], complete: bool, parse: Callable[[str], Named]) -> Row | RejectedRow:
    """Parse a record; return it as rejected, with Biopython's message, if it cannot be parsed."""
    first = _shown(record).split()
    name = first[1] if len(first) > 1 else ""
    if not complete:
        return RejectedRow(number, CUT_OFF, _shown(record), name=name)
    text = b"\n".join([*record, b""]).decode("utf-8", "replace")  # author names may have any encoding
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            named, sequence = parse(text)
            return row_or_rejected(number, sequence, name=named or name)
    except _UnusableError as error:
        return RejectedRow(number, str(error), _shown(record), name=name)
    except Exception as error:  # Biopython raises many types of errors for bad records
        message = str(error).partition("\n")[0] or type(error).__name__
        return RejectedRow(number, f"Biopython cannot parse the record: {message}", _shown(record), name=name)


def _shown(record: list[bytes]) -> str:
    """Return the first line of a record, which identifies it."""
    return record[0].decode("utf-8", "replace").strip()


def _genbank_sequence(text: str) -> Named:
    locus = _LOCUS.match(text)
    if locus is not None and locus[2] == "bp":
        raise _UnusableError(NUCLEOTIDES)
    record = SeqIO.read(io.StringIO(text), "genbank")
    if record.annotations.get("molecule_type", "protein") != "protein":
        raise _UnusableError(NUCLEOTIDES)
    try:
        sequence = str(record.seq)
    except UndefinedSequenceError:
        raise _UnusableError(NO_SEQUENCE) from None
    if locus is not None:
        _check_length(len(sequence), int(locus[1]), "LOCUS")
    return str(record.id), sequence


def _uniprot_sequence(text: str) -> Named:
    record = SwissProt.read(io.StringIO(text))
    if not record.sequence:
        raise _UnusableError(NO_SEQUENCE)
    _check_length(len(record.sequence), record.sequence_length, "ID")
    return next(iter(record.accessions), ""), str(record.sequence)


def _check_length(residues: int, expected: int, line: str) -> None:
    if residues != expected:
        raise _UnusableError(f"sequence length mismatch: {residues} residues, {expected} in the {line} line")
