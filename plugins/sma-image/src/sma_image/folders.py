"""Picture files of a folder: their order, labels and parts."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import DataError
from sma_core.printable import counted

logger = logging.getLogger("sma")

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"} | dict.fromkeys(
    ("valid", "validation", "val"), "valid"
)
"""Names of folders that are parts of a split, and the names of these parts."""
FIELDS = ("label", "file", "split")
MOST_LISTED = 5


@dataclass(frozen=True)
class PictureFile:
    """A file: its path, its label (empty without one), its name in the folder, and its part of the split."""

    path: Path
    label: str
    name: str
    split: str

    @property
    def fields(self) -> tuple[str, str, str]:
        """The values of `FIELDS`."""
        return self.label, self.name, self.split


def picture_files(path: Path) -> list[PictureFile]:
    """Return the picture files in a folder at any depth, sorted by name; or the one file, in its own folder.

    Hidden files are left out. Raises `DataError` when there is none.
    """
    if path.is_file():
        folder = path.absolute().parent.name
        label = "" if folder.lower() in PARTS else folder
        return [PictureFile(path, label, f"{folder}/{path.name}", "")]
    files = []
    for file in sorted(path.rglob("*")):
        inside = file.relative_to(path)
        if file.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in inside.parts):
            continue
        folders = inside.parts[:-1]
        split = next((PARTS[folder.lower()] for folder in folders if folder.lower() in PARTS), "")
        label = folders[-1] if folders and folders[-1].lower() not in PARTS else ""
        if file.is_file():
            files.append(PictureFile(file, label, inside.as_posix(), split))
    if not files:
        raise DataError(f"the folder {path} has no picture; the endings read are {', '.join(SUFFIXES)}")
    return files


def tell_strays(path: Path, files: Sequence[PictureFile]) -> None:
    """Log a warning that names pictures in no folder of a class, when others are in one: they have no label."""
    strays = [file.name for file in files if not file.label]
    if not strays or len(strays) == len(files):
        return
    listed = ", ".join(strays[:MOST_LISTED]) + (", …" if len(strays) > MOST_LISTED else "")
    logger.warning(
        "%s in the folder %s %s in no folder of a class and so %s no label: %s",
        counted(len(strays), "picture"),
        path,
        "is" if len(strays) == 1 else "are",
        "has" if len(strays) == 1 else "have",
        listed,
    )
