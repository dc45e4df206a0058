"""Rows and files that nobody writes on purpose: they are handled or refused with a reason, and never end a run."""

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
"""What a row is like, in words -> the row. All can be written as UTF-8."""

UNDECODABLE = {"a row with an undecodable byte": "a\udcff"}
"""What Python makes of a byte that is no UTF-8. Readers set such rows aside; whoever calls from Python may not."""

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
    """Write hostile files into ``folder``, and name each in words; the last one does not exist.

    ``sample`` is a good file in the format; then there are also its beginning, cut in the middle, and that with
    bytes in it that do not belong there.
    """
    files = dict(_FILES)
    if sample is not None:
        good = _beginning(sample)
        middle = len(good) // 2
        files["a sample that is cut off"] = good[: middle + 1]
        files["a sample with foreign bytes in it"] = good[:middle] + b"\0\xff\xfe\x01" + good[middle:]
    for at, (words, content) in enumerate(files.items()):
        path = folder / f"{at}{suffix}"
        path.write_bytes(content)
        yield words, path
    yield "a file that is not there", folder / f"absent{suffix}"


def _beginning(sample: Path) -> bytes:
    """Return the first part of a file, of its text where it is compressed."""
    from sma_core.data.streams import COMPRESSIONS, read_blocks

    if sample.suffix.lower() in COMPRESSIONS:
        return next(read_blocks(sample, _BEGINNING), b"")[:_BEGINNING]
    with sample.open("rb") as stream:
        return stream.read(_BEGINNING)
