"""Reader of Stockholm files (Pfam): each row of each alignment is a sequence.

Gaps (``.`` and ``-``) are removed and letters converted to upper case, since lower case only marks insertions in
this format. Alignments may be interleaved in blocks, so one alignment at a time is read into memory. Annotation
(lines starting with ``#``) is skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sma_core.data.readers import no_rows, refuse_columns
from sma_core.data.records import RejectedRow, Row, printable, row_or_rejected
from sma_core.data.streams import read_lines
from sma_core.errors import DataError

CUT_OFF = "the alignment is truncated: no // line"
_HEADER = b"# STOCKHOLM"
_GAPS = b".-"


def read_stockholm(
    path: Path, column: str | None, fields: Sequence[str], *, usual: Sequence[str] = ()
) -> Iterator[Row | RejectedRow]:
    """Yield the sequences of ``path`` without gaps; raise `DataError` if columns are requested.

    Rows of a truncated alignment are rejected, as are rows whose width differs from most rows of their alignment.
    """
    refuse_columns(path, column, fields)
    number = 0
    for alignment in _alignments(path):
        for name, text, reason in alignment.sequences():
            number += 1
            row = row_or_rejected(number, text, name=name)
            yield row if reason is None else RejectedRow(number, reason, printable(text), name=row.name)
    if not number:
        raise no_rows(path)


@dataclass
class _Alignment:
    """Rows of an alignment by name: parts of the sequence without gaps, and width including gaps."""

    complete: bool = False
    parts: dict[bytes, list[bytes]] = field(default_factory=dict)
    columns: Counter[bytes] = field(default_factory=Counter)

    def add(self, line: bytes) -> None:
        """Add a line, which has a name and a part of its row."""
        name, *rest = line.split(None, 1)
        aligned = rest[0].strip() if rest else b""
        self.parts.setdefault(name, []).append(aligned.translate(None, _GAPS))
        self.columns[name] += len(aligned)

    def sequences(self) -> Iterator[tuple[str, str, str | None]]:
        """Yield name and sequence of each row in upper case, and the reason why it is rejected, or None."""
        widths = Counter(self.columns.values())
        usual = max(widths, key=widths.__getitem__, default=0)
        for key, parts in self.parts.items():
            name = key.decode("utf-8", "surrogateescape")
            text = b"".join(parts).upper().decode("utf-8", "surrogateescape")
            if not self.complete:
                yield name, text, CUT_OFF
            elif self.columns[key] != usual:
                yield (
                    name,
                    text,
                    f"row width differs from the alignment: {self.columns[key]} columns instead of {usual}",
                )
            else:
                yield name, text, None


def _alignments(path: Path) -> Iterator[_Alignment]:
    """Yield the alignments of a file; raise `DataError` if the first line is not a Stockholm header."""
    lines = (line for line in read_lines(path) if line.strip())
    first = next(lines, None)
    if first is None:
        return
    if not first.startswith(_HEADER):
        raise DataError(f"{path} is not a Stockholm file: its first line must be '# STOCKHOLM 1.0'")
    alignment = _Alignment()
    for line in lines:
        if line.rstrip() == b"//":
            alignment.complete = True
            yield alignment
            alignment = _Alignment()
        elif line.startswith(_HEADER):  # without a // before it
            yield alignment
            alignment = _Alignment()
        elif not line.startswith(b"#"):
            alignment.add(line)
    yield alignment
