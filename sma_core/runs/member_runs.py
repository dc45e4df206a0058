"""Folders of several fine-tuned runs of one task, such as the folds of a cross-validation."""

from __future__ import annotations

from pathlib import Path

from sma_core.documents import parse_record, read_document
from sma_core.errors import CheckpointError
from sma_core.paths import as_path

FILE = "members.json"
"""File of the folder, with the names of its runs under ``members``, and what they are under ``kind``."""


def members_of(path: Path) -> list[Path]:
    """Return the runs in a folder of several, or the path itself when it is no such folder.

    Raises `CheckpointError` when the file that lists them is damaged or a run is missing.
    """
    path = as_path(path)
    file = path / FILE
    if not file.is_file():
        return [path]
    try:
        names = parse_record(read_document(file), dict[str, object])["members"]
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise ValueError("no names of members")
    except (OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{file} is damaged ({error}): name its runs one by one") from error
    missing = [name for name in names if Path(name).name != name or not (path / name / "model.json").is_file()]
    if missing:
        raise CheckpointError(f"{path} lists the run {missing[0]!r}, which is not there: run its command again")
    return [path / name for name in names]
