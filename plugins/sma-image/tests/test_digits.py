"""The domain of pictures in commands: digits, a folder of files, and positions on the grid."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import sma_core
from sma_core.config import DataConfig
from sma_core.data.remote.files import state_of
from sma_image.digits import digits

QUICK = {"training.steps": 2, "training.batch_size": 16}


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    with np.load(digits(), allow_pickle=False) as file:
        assert np.array_equal(file["images"], load_digits().images)
        assert np.array_equal(file["label"], load_digits().target)


def test_digits_are_learned_beside_their_baselines(tmp_path):
    pytest.importorskip("sma_bench", reason="needs sma-image[bench]")
    run = sma_core.train("image", settings=QUICK, out=tmp_path / "run").run
    tuned = sma_core.finetune(model=run, settings={"training.steps": 2}, out=tmp_path / "tuned")
    by_name = {result.name: result.test["accuracy"] for result in tuned.baselines}
    assert by_name["linear"] > 0.9
    assert by_name["nearest"] > 0.9


@pytest.fixture
def folder(tmp_path):
    draw = np.random.default_rng(0)
    for index in range(24):
        kind = ("dark", "light")[index % 2]
        path = tmp_path / "photos" / kind / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        level = 60 if kind == "dark" else 190
        Image.fromarray(draw.integers(level - 50, level + 50, (20, 30, 3)).astype(np.uint8)).save(path)
    return tmp_path / "photos"


def test_a_folder_of_pictures_is_one_set_with_labels(tmp_path, folder, run_sma):
    pytest.importorskip("sma_view")
    looked = run_sma("data", "inspect", folder, "--domain", "image", "--set", "data.options.size=8x8")
    assert looked.returncode == 0, looked.stderr
    assert "24: 24 usable" in looked.stdout
    settings = QUICK | {"targets": ["label"], "kind": "multiclass", "baselines": False}
    tuned = sma_core.finetune("image", data=folder, settings=settings, out=tmp_path / "tuned")
    record = json.loads((tuned.run / "model.json").read_text())
    assert record["targets"]["classes"] == ["dark", "light"]
    predicted = run_sma("predict", folder, "--model", tuned.run, "--id", "file", "--out", "out.csv")
    assert predicted.returncode == 0, predicted.stderr
    lines = (tmp_path / "out.csv").read_text().splitlines()
    assert len(lines) == 25
    assert lines[1].split(",")[1] == "dark/0.png"
    one = run_sma("predict", folder / "light" / "1.png", "--model", tuned.run)
    assert one.returncode == 0, one.stderr
    assert len(one.stdout.splitlines()) == 2


def test_a_warning_of_a_file_that_is_read_twice_is_printed_once(folder, tmp_path):
    (folder / "dark" / "0.png").rename(folder / "stray.png")
    options = ("--target", "label", "--kind", "multiclass", "--set", "training.steps=2", "--no-baselines")
    command = ("finetune", "--domain", "image", "--data", str(folder), *options, "--out", str(tmp_path / "tuned"))
    tuned = subprocess.run([sys.executable, "-m", "sma_core", *command], capture_output=True, text=True)
    assert tuned.returncode == 0, tuned.stderr
    assert tuned.stderr.count("in no folder of a class") == 1


def test_a_folder_changes_with_its_files(folder):
    before = state_of(folder)
    (folder / "dark" / "0.png").rename(folder / "light" / "0.png")
    assert state_of(folder) != before


def test_an_option_that_the_reader_lacks_is_a_sentence(tmp_path, folder, run_sma):
    done = run_sma("train", "--domain", "image", "--data", folder, "--set", "data.options.sise=8", "--out", "run")
    assert done.returncode == 2
    assert "which has no data.options.sise" in done.stderr


def test_options_are_part_of_the_settings():
    assert DataConfig(options={"size": "8x8"}).reader_options == {"size": "8x8"}
