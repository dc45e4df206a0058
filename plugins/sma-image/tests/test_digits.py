"""The domain of pictures in commands: digits, a folder of files, positions on the grid, and drawings."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import sma_core
from sma_core.config import DataConfig
from sma_core.data.remote.files import state_of
from sma_core.plugins import DrawnRow
from sma_image.digits import digits
from sma_image.drawing import draw_picture, grid_of

QUICK = {"training.steps": 2, "training.batch_size": 16}


def test_the_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    with np.load(digits(), allow_pickle=False) as file:
        assert np.array_equal(file["images"], load_digits().images)
        assert np.array_equal(file["label"], load_digits().target)


def test_digits_are_learned_beside_their_baselines(tmp_path):
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


def drawn(side=4, channels=1, **changes):
    vectors = tuple(tuple(float(place) for _ in range(channels)) for place in range(side * side))
    facts = {
        "importance": tuple(1.0 for _ in vectors),
        "hidden": frozenset({1, 5}),
        "features": tuple(str(place + 1) for place in range(len(vectors))),
        "channels": tuple("abc"[:channels]),
        "vectors": vectors,
    }
    return DrawnRow(**(facts | changes))


@pytest.mark.parametrize("channels", [1, 3])
def test_a_drawing_has_every_pixel_and_crosses_hidden_ones_out(channels):
    svg = draw_picture(drawn(channels=channels))
    root = ElementTree.fromstring(svg)
    names = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert names.count("rect") == 3 * 16 - 2
    assert names.count("path") == 2
    assert "row 2, column 2" in svg
    assert root.attrib["aria-label"] == "picture of 4 x 4 pixels, 2 hidden"


def test_the_grid_is_that_of_the_model_else_a_square():
    assert grid_of(drawn()) == (4, 4)
    assert grid_of(drawn(grid=(2, 8))) == (2, 8)
    for wrong in (drawn(grid=(3, 5)), drawn(vectors=drawn().vectors[:7])):
        with pytest.raises(ValueError, match="do not fill a grid"):
            grid_of(wrong)
