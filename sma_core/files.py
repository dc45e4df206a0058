"""Files and folders that appear whole or not at all."""

from __future__ import annotations

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


def as_path(path: str | Path | None) -> Path | None:
    """Return a path as one; None stays, for what was not given."""
    return None if path is None else Path(path)


def temporary_name(path: Path) -> Path:
    """Return a name beside ``path`` that no other process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; on normal exit it is flushed and renamed to ``path``.

    After an error the temporary file is removed and whatever stood at ``path`` is untouched.
    """
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
    """Give a temporary path to write to; on normal exit it becomes ``path``, unless another process was first.

    For files that every process would make alike: one that is there already is left untouched, so whoever reads it
    is not disturbed.
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
    """Rename the folder ``built`` to ``path``; False when another process was first (``built`` stays)."""
    try:
        built.rename(path)
    except OSError:
        if path.is_dir():
            return False
        raise
    flush(path.parent)
    return True


def remove_folder(path: Path) -> None:
    """Remove a folder out of the way in one step, then its contents; a missing one is fine."""
    grave = path if is_temporary(path) else temporary_name(path)
    with suppress(FileNotFoundError):
        if grave != path:
            path.rename(grave)
        shutil.rmtree(grave, ignore_errors=True)


def remove_temporaries(folder: Path) -> None:
    """Remove everything in ``folder`` under a temporary name; only for who knows that nobody else works there."""
    for path in folder.glob(".*.tmp"):
        _remove(path)


def remove_leftovers(path: Path, hours: float = 24.0) -> None:
    """Remove what killed processes left beside ``path`` under temporary names.

    Nothing may have been written there for so long, and no process of that number may live here: a clock that
    jumps, or work that takes days, takes nothing from under a process.
    """
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            if time.time() - _written(left) > hours * 3600 and not _may_be_alive(left):
                _remove(left)


def _written(path: Path) -> float:
    """When something in ``path`` was last written."""
    return max(each.stat().st_mtime for each in (path, *path.rglob("*")))


def is_temporary(path: Path) -> bool:
    """Whether the name is one of `temporary_name`."""
    return path.name.startswith(".") and path.name.endswith(".tmp")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _may_be_alive(temporary: Path) -> bool:
    """Whether a process here has the number in the name, other than this one and a container's first."""
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
    """Return the SHA-256 sum of what is written as JSON, whatever its layout."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def flush(path: Path) -> None:
    """Ask the system to bring a file or folder to the disk; folders only where the system can."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` so that a crash leaves the old content or the new, never half."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
