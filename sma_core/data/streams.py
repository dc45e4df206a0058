"""Read a text file, plain or compressed (``.gz``, ``.zst``), as a stream of byte lines.

Concatenated gzip members or zstd frames are read as one file. Memory is bounded: blocks are 1 MiB, and a line
longer than `LONGEST_LINE` bytes is an error. Lines end with LF, CR LF or CR, also mixed; blank lines at the end
are left out. Every failure is a `DataError` that names the file.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from sma_core.errors import DataError
from sma_core.files import COMPRESSIONS, data_suffix
from sma_core.paths import is_special

__all__ = ["COMPRESSIONS", "data_suffix", "read_blocks", "read_lines"]

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 64 << 20
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without line ends, byte order mark, and blank lines at the end."""
    rest, blank = b"", 0
    for block in _text_blocks(path):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > LONGEST_LINE:
            raise _endless_line(path)
        for line in lines:
            if not line.strip():
                blank += 1
                continue
            yield from repeat(b"", blank)
            yield line
            blank = 0
    if rest.strip():
        yield from repeat(b"", blank)
        yield rest


def read_blocks(path: Path, size: int) -> Iterator[bytes]:
    """Yield blocks of whole lines of about ``size`` bytes, which end with LF; the last line may lack it.

    A byte order mark and blank lines at the end are skipped. Raises `DataError` for a line, or blank lines, of
    over `LONGEST_LINE` bytes.
    """
    buffered: list[bytes] = []
    count = 0
    for block in _text_blocks(path):
        buffered.append(block)
        count += len(block)
        if count >= size:
            joined = b"".join(buffered)
            end = joined.rfind(b"\n", 0, len(joined.rstrip())) + 1  # blank lines wait for what follows
            if end:
                yield joined[:end]
            elif count > LONGEST_LINE:
                raise _endless_line(path)
            buffered, count = [joined[end:]], len(joined) - end
    last = b"".join(buffered)
    if last.strip():
        end = last.find(b"\n", len(last.rstrip())) + 1
        yield last[:end] if end else last


def _text_blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's blocks without byte order mark, with lines that end with LF.

    Raises `DataError` for UTF-16.
    """
    blocks = _blocks(path)
    first = next(blocks, b"")
    if first.startswith(_UTF16_MARKS):
        raise DataError(f"{path} is UTF-16 text; save it as UTF-8 and try again")
    returned = b""  # a CR at the end of a block, which an LF may follow
    for raw in chain([first.removeprefix(_UTF8_MARK)], blocks):
        block = returned + raw
        returned = b"\r" if block.endswith(b"\r") else b""
        if b"\r" in block:
            block = block.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield block
    if returned:
        yield b"\n"


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield decompressed blocks; every failure becomes a `DataError`."""
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file in it")
    refuse_special(path)
    try:
        with closing(_open(path)) as stream:
            while block := stream.read(BLOCK_BYTES):
                yield block
    except FileNotFoundError as error:
        raise DataError(f"there is no file {path}; check the path") from error
    except PermissionError as error:
        raise DataError(f"{path} may not be read; check its permissions") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path, error) from error
    except OSError as error:
        if path.suffix.lower() == ".zst" and error.errno is None:
            raise _damaged(path, error) from error
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def refuse_special(path: Path) -> None:
    """Raise `DataError` for a pipe, socket or device, which may never end and cannot be read twice."""
    if is_special(path):
        raise DataError(f"{path} is a pipe or device, not a file; write its content to a file and name that")


def _open(path: Path) -> IO[bytes] | Any:  # noqa: ANN401 - pyarrow has no types
    match path.suffix.lower():
        case ".gz":
            return gzip.open(path, "rb")
        case ".zst":
            if path.stat().st_size == 0:
                return path.open("rb")
            return pa.CompressedInputStream(pa.OSFile(str(path)), "zstd")
        case _:
            return path.open("rb")


def _endless_line(path: Path) -> DataError:
    return DataError(f"{path} has a line of over {LONGEST_LINE >> 20} MB; give a text file with one row a line")


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is a damaged or cut-off {path.suffix} file ({error}); fetch or compress it again")
