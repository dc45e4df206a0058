"""Malformed rows and files, which plugins must handle or reject with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

LONG = 100_000

TEXTS: dict[str, str] = {
    "an empty row": "",
    "a row of spaces": "   ",
    "a row with a NUL byte": "a\0b",
    "a row of control characters": "".join(map(chr, [*range(1, 32), 127, 133, 0x2028])),
    "a row of unicode": "ä 漢 🙂 e\u0301 \u202e \ufeff",
    "a row of 100,000 letters": "A" * LONG,
}
"""Description -> row. All can be encoded as UTF-8."""

UNDECODABLE = {"a row with an undecodable byte": "a\udcff"}
"""A byte that is not UTF-8, as a surrogate. Readers reject such rows, but Python callers may pass them."""

_FILES: dict[str, bytes] = {
    "an empty file": b"",
    "a file of spaces": b"  \n \n\t\n",
    "a file with NUL bytes": b"a\0b,1\n\0\nc,2\n",
    "a file of control characters": bytes([*range(1, 10), *range(11, 32), 127]) + b"\nabc\n",
    "a file that is not UTF-8": b"a,b\nabc\n\x80\xfe\xff,1\n\xc3\x28\n",
    "a UTF-16 file": "text\nabc\n".encode("utf-16"),
    "a file with a line of 100,000 letters": b"A" * LONG + b"\nA\n",
    "a file of all bytes": bytes(range(256)) * 8,
}
_BEGINNING = 1 << 18


def write_files(folder: Path, suffix: str, sample: Path | None) -> Iterator[tuple[str, Path]]:
    """Write malformed files to ``folder`` and yield each with a description; the last one does not exist.

    With ``sample``, a valid file in the format, a truncated and a corrupted copy of its beginning are added.
    """
    files = dict(_FILES)
    if sample is not None:
        good = _beginning(sample)
        middle = len(good) // 2
        files["a sample that is cut off"] = good[: middle + 1]
        files["a sample with foreign bytes in it"] = good[:middle] + b"\0\xff\xfe\x01" + good[middle:]
    for number, (description, content) in enumerate(files.items()):
        path = folder / f"{number}{suffix}"
        path.write_bytes(content)
        yield description, path
    yield "a file that does not exist", folder / f"absent{suffix}"


def _beginning(sample: Path) -> bytes:
    """Return the first bytes of a file, decompressed if necessary."""
    from sma_core.data.streams import COMPRESSIONS, read_blocks

    if sample.suffix.lower() in COMPRESSIONS:
        return next(read_blocks(sample, _BEGINNING), b"")[:_BEGINNING]
    with sample.open("rb") as stream:
        return stream.read(_BEGINNING)
