"""A fine-tuning goes on after its pre-trained run was moved or copied, but not from another run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sma_core.errors import ConfigError
from sma_core.runs.resuming import resumed_settings
from sma_core.runs.run_folder import RunFolder


def written(folder: Path, config: str, record: str = "{}") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(config)
    (folder / "model.json").write_text(record)
    return folder


@pytest.fixture
def tuned(tmp_path: Path) -> RunFolder:
    """Return a fine-tuning that started from ``before/start``."""
    written(tmp_path / "before" / "start", "seed = 1")
    return RunFolder(written(tmp_path / "tuned", f'pretrained = "{tmp_path}/before/start"'))


def test_a_moved_start_is_the_same_run_in_its_new_place(tuned, tmp_path):
    (tmp_path / "before").rename(tmp_path / "after")
    moved = str(tmp_path / "after" / "start")
    assert resumed_settings(tuned, {"pretrained": moved})["pretrained"] == moved


def test_a_copied_start_is_the_same_run(tuned, tmp_path):
    copied = str(written(tmp_path / "copy" / "start", "seed = 1"))
    assert resumed_settings(tuned, {"pretrained": copied})["pretrained"] == copied


@pytest.mark.parametrize(("place", "config"), [("other/start", "seed = 2"), ("after/renamed", "seed = 1")])
def test_another_run_is_refused(tuned, tmp_path, place, config):
    other = written(tmp_path / place, config)
    with pytest.raises(ConfigError, match=r"'pretrained' is .* and cannot change"):
        resumed_settings(tuned, {"pretrained": str(other)})


def test_a_start_that_is_nowhere_is_refused(tuned, tmp_path):
    (tmp_path / "before").rename(tmp_path / "gone")
    with pytest.raises(ConfigError, match="cannot change"):
        resumed_settings(tuned, {"pretrained": str(tmp_path / "after" / "start")})
