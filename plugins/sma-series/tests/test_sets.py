"""The simulated motions, the sets of the archive, and the baselines."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.errors import UserError
from sma_series.archive import basic_motions, japanese_vowels
from sma_series.motions import FASTEST, KINDS, LONGEST, SHORTEST, SLOWEST, generate, motions

QUICK = {"training.epochs": 1.0}


def test_motions_repeat_and_have_the_sizes_that_the_readme_says():
    rows, kinds, tempos = generate(300, 3)
    again, _, _ = generate(300, 3)
    assert all(np.array_equal(one, two) for one, two in zip(rows, again, strict=True))
    lengths = [len(row) for row in rows]
    assert (min(lengths), max(lengths)) == (SHORTEST, LONGEST)
    assert {row.shape[1] for row in rows} == {3}
    assert sorted(set(kinds.tolist())) == list(range(len(KINDS)))
    assert SLOWEST <= tempos.min() < tempos.max() <= FASTEST
    correlation = np.corrcoef(kinds, tempos)[0, 1]
    assert abs(correlation) < 0.2


def test_the_tempo_is_that_of_the_channels():
    rows, kinds, tempos = generate(200, 0)
    circles = [row for row, kind in zip(rows, kinds, strict=True) if KINDS[kind] == "circle" and len(row) > 50]
    speeds = [
        tempo
        for row, kind, tempo in zip(rows, kinds, tempos, strict=True)
        if KINDS[kind] == "circle" and len(row) > 50
    ]
    for row, tempo in zip(circles, speeds, strict=True):
        spectrum = np.abs(np.fft.rfft(row[:, 0] - row[:, 0].mean(), n=512))
        assert abs(spectrum.argmax() / 512 * 20.0 - tempo) < 0.3


def test_the_file_is_made_once():
    path = motions()
    written = path.stat().st_mtime_ns
    assert motions().stat().st_mtime_ns == written
    with np.load(path) as file:
        assert file["rows"].shape == (1200, LONGEST, 3)
        assert set(file["kind"].tolist()) == set(KINDS)


def test_a_small_fine_tuning_has_baselines_that_beat_a_constant(tmp_path):
    pytest.importorskip("sma_bench")
    result = sma_core.finetune("series", settings=QUICK, out=tmp_path / "run")
    scores = {baseline.name: baseline.test["accuracy"] for baseline in result.baselines if baseline.test}
    assert scores["statistics"] > scores["constant"] + 0.2
    assert scores["nearest"] > scores["constant"] + 0.2
    tempo = sma_core.finetune("series", task="motions-tempo", settings=QUICK, out=tmp_path / "tempo")
    errors = {baseline.name: baseline.test["rmse"] for baseline in tempo.baselines if baseline.test}
    assert errors["statistics"] < errors["constant"]


def test_sets_of_the_archive_are_joined_with_their_split(tmp_path, monkeypatch):
    header = "@timestamps false\n@classLabel true 1 2\n@data\n"
    folder = tmp_path / "series"
    folder.mkdir()
    (folder / "BasicMotions_TRAIN.ts").write_text(header + "1,2:3,4:1\n5:6:2\n")
    (folder / "BasicMotions_TEST.ts").write_text(header + "7,8,9:1,2,3:2\n")
    monkeypatch.setenv("SMA_DATA", str(tmp_path))
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    with np.load(basic_motions()) as file:
        assert file["split"].tolist() == ["train", "train", "test"]
        assert file["label"].tolist() == ["1", "2", "2"]
        assert file["lengths"].tolist() == [2, 1, 3]
        np.testing.assert_array_equal(file["rows"][2], [[7, 1], [8, 2], [9, 3]])


def test_without_the_files_a_set_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_DATA", str(tmp_path))
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sma_series.archive.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"JapaneseVowels_TRAIN\.ts and JapaneseVowels_TEST\.ts are neither in SMA_DATA"
    ):
        japanese_vowels()


@pytest.mark.skipif(find_spec("aeon") is None, reason="the files of the package aeon are not installed")
def test_the_files_of_aeon_are_found(tmp_path, monkeypatch):
    monkeypatch.delenv("SMA_DATA", raising=False)
    monkeypatch.setenv("SMA_CACHE", str(tmp_path / "cache"))
    with np.load(Path(japanese_vowels())) as file:
        assert file["rows"].shape == (640, 29, 12)
        assert (file["split"] == "test").sum() == 370


def test_long_rows_are_read_whole_in_windows_and_a_window_without_a_value_is_left_out(tmp_path):
    rows = np.random.default_rng(0).normal(size=(40, 64, 2)).astype(np.float32)
    rows[:, 16:32] = np.nan  # the second of four windows
    np.savez(tmp_path / "own.npz", rows=rows, lengths=np.full(40, 64))
    settings = {"training.steps": 2, "model.max_length": 16, "data.window_overlap": 0}
    result = sma_core.train("series", data=tmp_path / "own.npz", settings=settings, out=tmp_path / "run")
    assert (result.rows, result.windowed, result.windows, result.truncated) == (40, 40, 120, 0)
    assert 0 < result.held_out_rows < 40
    with pytest.raises(UserError, match="must be a whole number from 0 to 15: a window has 16 positions"):
        sma_core.train("series", data=tmp_path / "own.npz", settings=settings | {"data.window_overlap": 16})
