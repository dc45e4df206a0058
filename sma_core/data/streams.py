"""Read a text file, plain or compressed (``.gz``, ``.zst``), as a stream of byte lines.

Concatenated gzip members or zstd frames are read as one file. Memory is bounded: blocks are 1 MiB, and a line
longer than `LONGEST_LINE` bytes is an error. Every failure is a `DataError` that names the file.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from sma_core.errors import DataError
from sma_core.files import COMPRESSIONS, data_suffix

__all__ = ["COMPRESSIONS", "data_suffix", "read_blocks", "read_lines"]

BLOCK_BYTES = 1 << 20
LONGEST_LINE = 64 << 20
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without line ends (LF or CR LF) and byte order mark."""
    rest = b""
    for block in _text_blocks(path):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        if len(rest) > LONGEST_LINE:
            raise _endless_line(path)
        for line in lines:
            yield line.removesuffix(b"\r")
    if rest:
        yield rest.removesuffix(b"\r")


def read_blocks(path: Path, size: int) -> Iterator[bytes]:
    """Yield blocks of whole lines of about ``size`` bytes; the last line may lack its line end.

    A byte order mark is skipped. Raises `DataError` for a line of over `LONGEST_LINE` bytes.
    """
    buffered: list[bytes] = []
    count = 0
    for block in _text_blocks(path):
        buffered.append(block)
        count += len(block)
        if count >= size:
            whole, line_end, rest = b"".join(buffered).rpartition(b"\n")
            if line_end:
                yield whole + line_end
            elif count > LONGEST_LINE:
                raise _endless_line(path)
            buffered, count = [rest], len(rest)
    if any(buffered):
        yield b"".join(buffered)


def _text_blocks(path: Path) -> Iterator[bytes]:
    """Yield the file's blocks without byte order mark; raises `DataError` for UTF-16."""
    blocks = _blocks(path)
    first = next(blocks, b"")
    if first.startswith(_UTF16_MARKS):
        raise DataError(f"{path} is UTF-16 text; save it as UTF-8 and try again")
    yield first.removeprefix(_UTF8_MARK)
    yield from blocks


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield decompressed blocks; every failure becomes a `DataError`."""
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file in it")
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
