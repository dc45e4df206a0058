"""Reader of SMILES files: one molecule per line, optionally followed by white space and a name.

In files with a number or name before the SMILES, such as PubChem's ``CID<tab>SMILES``, the second word is read if
that fits the first lines. A CXSMILES extension (``|…|``) after a SMILES is left out. The first line is skipped as
a header if one of its first two words is ``smiles`` or ``canonical_smiles``, ignoring case; neither is a valid
SMILES. Rows are numbered from 1, without the header.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, row_or_rejected
from sma_core.data.streams import read_lines

LINES_SAMPLED = 100
_HEADERS = {"smiles", "canonical_smiles"}
_ATOM = r"(?:\[[^\]\s]+\]|Cl|Br|[BCNOPSFIbcnops*])"
_SMILES = re.compile(rf"{_ATOM}(?:{_ATOM}|[-=#$:/\\~()\d.]|%\d\d|%\(\d+\))*")
_EXTENSION = re.compile(r"\|[^|]*\|\s*")


def read_smi(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the SMILES strings of ``path`` with their names; raise `DataError` if columns are requested."""
    refuse_columns(path, column, fields)
    lines = (line.decode("utf-8", "surrogateescape") for line in read_lines(path))
    sample = list(islice(lines, LINES_SAMPLED))
    header = next((line.lower().split(None, 2)[:2] for line in sample[:1]), [])
    if _HEADERS & set(header):
        sample, name_first = sample[1:], header[0] not in _HEADERS
    else:
        name_first = _is_name_first(sample)
    number = 0
    for number, line in enumerate(chain(sample, lines), start=1):
        yield row_or_rejected(number, *_split(line, name_first))
    if not number:
        raise no_rows(path)


def _split(line: str, name_first: bool) -> tuple[str, tuple[str, ...], str]:
    """Return SMILES, no fields, and name of a line."""
    first, rest = (*line.split(None, 1), "", "")[:2]
    if not name_first:
        return first, (), _EXTENSION.sub("", rest, count=1) if rest.startswith("|") else rest
    return (rest.split(None, 1) or [""])[0], (), first


def _is_name_first(lines: Sequence[str]) -> bool:
    """Return whether in the lines with several words the second one is a SMILES, and the first one is not."""
    words = [line.split(None, 2)[:2] for line in lines if len(line.split(None, 1)) > 1]
    seconds = sum(_SMILES.fullmatch(second) is not None for _, second in words)
    firsts = sum(_SMILES.fullmatch(first) is not None for first, _ in words)
    return len(words) > len(lines) / 2 and firsts < len(words) / 10 and seconds > len(words) / 2
