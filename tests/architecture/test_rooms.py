"""Rooms are small: few modules in a folder, few lines in a file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import sma_core

CORE = Path(sma_core.__file__).parent
ROOT = Path(__file__).parents[2]
MOST_MODULES = 16
"""With ``__init__.py``."""
MOST_LINES = 400


def modules(package: Path) -> list[Path]:
    return [path for path in package.rglob("*.py") if "__pycache__" not in path.parts]


def crowded(paths: list[Path], most: int) -> dict[str, int]:
    counts = Counter(str(path.parent) for path in paths)
    return {folder: count for folder, count in counts.items() if count > most}


def test_no_folder_of_the_core_has_too_many_modules():
    assert crowded(modules(CORE), MOST_MODULES) == {}
    assert crowded([Path("room", f"m{number}.py") for number in range(17)], MOST_MODULES) == {"room": 17}


@pytest.mark.parametrize("package", [CORE, *sorted(ROOT.glob("plugins/*/src"))], ids=str)
def test_no_file_has_too_many_lines(package):
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules(package)}
    assert lines
    assert {name: count for name, count in lines.items() if count > MOST_LINES} == {}
