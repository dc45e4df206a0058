"""Paths that users and settings name: `as_path` for all of them, `check_outputs` for files to be written."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import overload

from sma_core.errors import UserError
from sma_core.urls import is_url, local_path, split_list

LONGEST_NAME = 255
"""Bytes of the longest name that usual file systems store."""
STANDARD_OUTPUT = ("-", "/dev/stdout")
RUN_RECORD = "model.json"
RUN_FILES = (
    *(RUN_RECORD, "config.toml", "metrics.jsonl", "results.json", "rejected.jsonl", "environment.json"),
    *("split.csv", "README.md"),
)
"""Files of a run folder, beside its checkpoints."""
_DEVICES = ("/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")
_PATTERN = set("*?[")


@overload
def as_path(path: str | Path) -> Path: ...
@overload
def as_path(path: None) -> None: ...
@overload
def as_path(path: str | Path | None) -> Path | None: ...
def as_path(path: str | Path | None) -> Path | None:
    """Convert to `Path` and expand ``~``; None stays None.

    Raises `UserError` for a name that no file can have, or that cannot be recorded as text.
    """
    if path is None:
        return None
    try:
        expanded = Path(path).expanduser()
    except RuntimeError as error:
        raise UserError(f"{path}: the home folder that ~ stands for is not known; write the whole path") from error
    try:
        longest = max((len(part.encode()) for part in expanded.parts), default=0)
    except UnicodeEncodeError as error:
        raise UserError(f"the name of {path} is not valid UTF-8: rename the file or folder") from error
    if longest > LONGEST_NAME:
        raise UserError(f"{path} is not a path: a name in it is longer than {LONGEST_NAME} bytes")
    if "\0" in str(expanded):
        raise UserError(f"{path} is not a path: it has a NUL character")
    return expanded


def is_existing(path: str | Path) -> bool:
    """Return whether a file or folder of this name exists; False for a text that cannot be a path."""
    try:
        return as_path(path).exists()
    except (OSError, UserError):
        return False


def is_special(path: Path) -> bool:
    """Return whether a path is a pipe, socket or device, which may never end and cannot be read twice."""
    return path.exists() and not path.is_file() and not path.is_dir()


def names_of(source: str | None) -> list[str]:
    """Split a comma-separated list of data; an existing file with a comma in its name is one name."""
    if source is None or is_existing(source):
        return [] if source is None else [source]
    return split_list(source) or [source]


def matches(name: str) -> list[Path] | None:
    """Return the files in a folder or of a pattern, sorted; None for any other name."""
    path = as_path(name)
    if path.is_dir():
        return sorted(path.iterdir())
    if _PATTERN & set(name) and not path.exists():
        return sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207
    return None


def local_files(source: str | Path | None) -> list[Path]:
    """Return the local files that a list of data names; URLs and names of data sets are left out."""
    names = [local_path(name) for name in names_of(None if source is None else str(source))]
    paths = [matches(name) or [as_path(name)] for name in names if not is_url(name)]
    return [path for group in paths for path in group if path.is_file()]


def check_outputs(*outputs: Path | None, inputs: Iterable[Path] = (), force: bool = False) -> None:
    """Raise `UserError`, before anything is read, for a file that must not be written.

    That is a folder, pipe or device, one of ``inputs``, a file named twice, and without ``force`` any that exists.
    """
    inputs = [path for path in inputs if path.exists()]
    paths = [path for path in outputs if path is not None]
    for index, path in enumerate(paths):
        if str(path) in STANDARD_OUTPUT or str(path.absolute()).startswith(_DEVICES) or is_special(path):
            raise UserError(f"{path} is a stream, pipe or device, which is not replaced by a file: name a file")
        if path.is_dir():
            raise UserError(f"cannot write {path}: it is a folder")
        if any(path.resolve() == other.resolve() for other in paths[:index]):
            raise UserError(f"{path} would be written twice: give each output a name of its own")
        if path.exists() and _belongs_to_run(path.resolve()):
            raise UserError(f"{path} is a file of a run, which is never replaced: give the output another name")
        if path.exists() and (any(path.samefile(other) for other in inputs) or _is_standard_input(path)):
            raise UserError(f"{path} is both input and output: give the output another name")
        if path.exists() and not force:
            raise UserError(f"{path} exists already: give another name, or `force=True` to replace it")


def _is_standard_input(path: Path) -> bool:
    """Return whether a file is open as standard input."""
    try:
        return os.path.samestat(os.fstat(0), path.stat())
    except OSError:  # standard input is closed
        return False


def _belongs_to_run(path: Path) -> bool:
    """Return whether a file is one of those that a run consists of."""
    folders = [path.parent] if path.name in RUN_FILES else []
    folders += [parent.parent for parent in path.parents if parent.name == "checkpoints"]
    return any((folder / RUN_RECORD).is_file() for folder in folders)
