"""Compare our outputs with outputs recorded from the authors' implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from sma_authors.comparison import Verdict
from sma_authors.recorded_masks import check_masks
from sma_authors.recorded_model import check_case, read_case
from sma_core.errors import CheckpointError
from sma_core.paths import as_path

CASE, MASKS = "config.json", "index.json"
MOST_ROUNDING = 10.0
"""A float32 difference above this multiple of the tolerance is not attributed to rounding."""


def parity(folders: Sequence[Path]) -> list[Verdict]:
    """Compare every recorded case in ``folders``: recorded models, recorded masks, or folders of these.

    Raises `CheckpointError` if a folder has no recorded case, or a file is missing or damaged.
    """
    verdicts: list[Verdict] = []
    for folder in map(as_path, folders):
        for case in _cases(folder):
            verdicts += check_masks(case) if (case / MASKS).is_file() else _check_model(case)
    return verdicts


def _check_model(folder: Path) -> list[Verdict]:
    """Compare in float32; repeat failures in float64, which leaves only the rounding of the recording."""
    case = read_case(folder)
    verdicts = check_case(case)
    if all(verdict.verdict != "fail" for verdict in verdicts):
        return verdicts
    exact = {verdict.tensor: verdict for verdict in check_case(case, torch.float64)}
    return [_or_exact(verdict, exact[verdict.tensor]) for verdict in verdicts]


def _or_exact(rounded: Verdict, exact: Verdict) -> Verdict:
    """Return the float64 verdict, with a note, if float32 failed only by rounding; else the float32 verdict."""
    if rounded.verdict != "fail" or exact.verdict != "pass" or rounded.difference is None or not rounded.tolerance:
        return rounded
    if rounded.difference > MOST_ROUNDING * rounded.tolerance:
        return rounded
    return replace(exact, note=f"in float64; {rounded.difference:.2g} in float32")


def _cases(folder: Path) -> list[Path]:
    """Return the folder itself if it is a case, else the cases in it."""
    if _is_case(folder):
        return [folder]
    inner = sorted(path for path in folder.iterdir() if _is_case(path)) if folder.is_dir() else []
    if not inner:
        raise CheckpointError(
            f"{folder} has no recorded case: expected {CASE} and outputs.safetensors, or {MASKS}"
        )
    return inner


def _is_case(folder: Path) -> bool:
    return (folder / CASE).is_file() or (folder / MASKS).is_file()
