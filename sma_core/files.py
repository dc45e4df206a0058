"""Write files and folders atomically: complete, or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

COMPRESSIONS = (".gz", ".zst")
"""Suffixes of compressed data files."""


def data_suffix(path: Path) -> str:
    """Return the lower-case suffix of the data format: ``.csv`` for ``rows.CSV.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def temporary_name(path: Path) -> Path:
    """Return a unique temporary path in the folder of ``path``."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on normal exit, flush it and rename it to ``path``.

    After an error the temporary file is removed and ``path`` is unchanged. Raises `FileExistsError` when
    ``path`` is a folder, pipe or device, which a file must not replace.
    """
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "it is a folder, pipe or device", str(path))
    temporary = temporary_name(path)
    try:
        yield temporary
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def creating(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; on normal exit it becomes ``path``, unless that exists by then.

    For files that all processes would write alike: an existing file stays, so its readers are not disturbed.
    """
    temporary = temporary_name(path)
    try:
        yield temporary
        flush(temporary)
        with suppress(FileExistsError):
            os.link(temporary, path)
        flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def publish_folder(built: Path, path: Path) -> bool:
    """Rename the folder ``built`` to ``path``; return False, and keep ``built``, when ``path`` exists by then."""
    try:
        built.rename(path)
    except OSError:
        if path.is_dir():
            return False
        raise
    flush(path.parent)
    return True


def remove_folder(path: Path) -> None:
    """Rename a folder to a temporary name, then delete it; a missing folder is fine."""
    temporary = path if is_temporary(path) else temporary_name(path)
    with suppress(FileNotFoundError):
        if temporary != path:
            path.rename(temporary)
        _remove(temporary)


def remove_temporaries(folder: Path) -> None:
    """Remove all temporary files of ``folder``; the caller ensures that no other process writes there."""
    for path in folder.glob(".*.tmp"):
        _remove(path)


def remove_leftovers(path: Path, hours: float = 24.0) -> None:
    """Remove temporary files of ``path`` that killed processes left.

    A file is removed when it was not written for ``hours`` and its process no longer runs: a clock that jumps, or
    work that takes days, must not delete files in use.
    """
    for temporary in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            if time.time() - _last_written(temporary) > hours * 3600 and not _may_be_alive(temporary):
                _remove(temporary)


def _last_written(path: Path) -> float:
    """Return the time of the last change in ``path``."""
    return max(file.stat().st_mtime for file in (path, *path.rglob("*")))


def is_temporary(path: Path) -> bool:
    """Return whether the name comes from `temporary_name`."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _may_be_alive(temporary: Path) -> bool:
    """Return whether the process ID in the name runs on this machine; not for this process and ID 1."""
    number = temporary.name.removesuffix(".tmp").rpartition(".")[2].partition("-")[0]
    if os.name == "nt" or not number.isdigit() or int(number) in (1, os.getpid()):
        return False
    try:
        os.kill(int(number), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def sha256_of(path: Path) -> str:
    """Return the SHA-256 sum of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_of_facts(facts: Mapping[str, Any]) -> str:
    """Return the SHA-256 sum of ``facts`` as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def flush(path: Path) -> None:
    """Flush a file or folder to the disk; folders are skipped on Windows."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` to ``path``; after a crash it has either the old or the new content.

    Lone surrogates, from names that are not UTF-8, are escaped as in JSON.
    """
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
