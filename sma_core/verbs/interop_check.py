"""`check_parity`: compare recorded numbers of the authors' implementation with ours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sma_core.errors import CheckpointError
from sma_core.interop.authors.check import check_case, read_case
from sma_core.interop.authors.check_masks import check_masks
from sma_core.interop.authors.verdicts import Verdict

CASE, MASKS = "config.json", "index.json"


def check_parity(folders: Sequence[Path]) -> list[Verdict]:
    """Check every folder: a recorded model, recorded masks, or a folder that holds such folders.

    Raises `CheckpointError` when a folder is neither, or a file in it is missing or damaged.
    """
    verdicts: list[Verdict] = []
    for folder in folders:
        for case in _cases(folder):
            verdicts += check_masks(case) if (case / MASKS).is_file() else check_case(read_case(case))
    return verdicts


def _cases(folder: Path) -> list[Path]:
    """Return the folder itself when it is a case, else the cases in it."""
    if _is_case(folder):
        return [folder]
    inner = sorted(path for path in folder.iterdir() if _is_case(path)) if folder.is_dir() else []
    if not inner:
        raise CheckpointError(
            f"{folder} holds no recorded case: name a folder with {CASE} and outputs.safetensors, or with {MASKS}"
        )
    return inner


def _is_case(folder: Path) -> bool:
    return (folder / CASE).is_file() or (folder / MASKS).is_file()
