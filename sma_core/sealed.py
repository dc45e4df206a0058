"""Verify that folders of files are unchanged; used by checkpoints and prepared data.

A sealed folder has a JSON file that lists the other files with size and SHA-256, and the SHA-256 of that list. The
list is written last, then the folder is renamed into place: a folder is sealed or absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sma_core.files import sha256_of, sha256_of_facts


@dataclass(frozen=True, kw_only=True)
class SealedFile:
    """Name, size and checksum of a file; ``modified`` is the time of its last change in nanoseconds."""

    name: str
    size: int
    sha256: str
    modified: int | None = None

    @classmethod
    def of(cls, path: Path) -> Self:
        """Record size and checksum of a file."""
        state = path.stat()
        return cls(name=path.name, size=state.st_size, sha256=sha256_of(path), modified=state.st_mtime_ns)

    def is_whole(self, path: Path, *, always: bool = True) -> bool:
        """Return whether the file is unchanged.

        With ``always`` the checksum is computed, which takes hours for terabytes; else only when the time of the
        last change differs. Raises `OSError` when the file is there but cannot be read: it may be whole.
        """
        if not path.is_file():
            return False
        state = path.stat()
        if state.st_size != self.size:
            return False
        trusted = not always and state.st_mtime_ns == self.modified
        return trusted or sha256_of(path) == self.sha256


def seal(facts: Mapping[str, Any], key: str) -> dict[str, Any]:
    """Return ``facts`` with their own SHA-256 under ``key``."""
    return {**facts, key: sha256_of_facts(facts)}


def unseal(sealed: Mapping[str, Any], key: str, *, required: bool = True) -> dict[str, Any]:
    """Return the facts without their checksum; raises `ValueError` when it is wrong or missing."""
    facts = dict(sealed)
    checksum = facts.pop(key, None)
    if checksum is None and not required:
        return facts
    if checksum != sha256_of_facts(facts):
        raise ValueError(f"the entries do not match their checksum {key!r}")
    return facts
