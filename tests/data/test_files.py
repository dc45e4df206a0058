"""Files that appear whole or not at all, also when two processes make the same one."""

from __future__ import annotations

from pathlib import Path

import pytest

from sma_core.files import creating


def test_the_first_to_finish_wins_and_its_file_stays_untouched(tmp_path):
    path = tmp_path / "made.txt"
    with creating(path) as slow:
        slow.write_text("slow")
        with creating(path) as quick:
            quick.write_text("quick")
        first = path.stat()
    assert path.read_text() == "quick"
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    assert [each.name for each in tmp_path.iterdir()] == ["made.txt"]


def fail_half_way(path: Path) -> None:
    with creating(path) as temporary:
        temporary.write_text("half")
        raise ValueError("half way")


def test_a_file_that_fails_half_way_leaves_nothing(tmp_path):
    with pytest.raises(ValueError, match="half way"):
        fail_half_way(tmp_path / "made.txt")
    assert not list(tmp_path.iterdir())
