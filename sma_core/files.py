"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
    grave = temporary_name(path)
    with suppress(FileNotFoundError):
        path.rename(grave)
        shutil.rmtree(grave, ignore_errors=True)


def remove_leftovers(path: Path, hours: float = 24.0) -> None:
    """Remove what killed processes left beside ``path`` under temporary names, once it is old enough."""
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > hours * 3600:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


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
