"""Metrics, documents, recipes, and small runs of the domain."""

from __future__ import annotations

import tomllib
from importlib import resources

import numpy as np
import pytest
import torch
from sklearn.metrics import matthews_corrcoef

import sma_core
from sma_core.errors import DataError
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.model import SMA
from sma_core.nn.parameters import parameter_count
from sma_core.plugins.registry import Registry
from sma_core.runs.settings import Request, pretrain_settings
from sma_text.metrics import matthews, pearson

QUICK = {"training.epochs": 1.0, "training.probe_fallback": False}
SHORT = {"model.max_length": 64, "training.evaluate_rows": 8, "training.steps": 1}


@pytest.mark.parametrize(("recipe", "millions"), [("tiny", 0.69), ("small", 3.55), ("paper", 107.1)])
def test_recipes_have_the_sizes_that_the_readme_says(recipe, millions):
    model = pretrain_settings(Registry.load("text"), Request(recipe=recipe)).config.model
    with torch.device("meta"):
        assert parameter_count(SMA(model, DiscreteInputs(262))) / 1e6 == pytest.approx(millions, rel=0.02)


def test_the_recipe_paper_is_the_general_recipe_for_language():
    ours = resources.files("sma_text.recipes").joinpath("paper.toml").read_text()
    general = resources.files("sma_core.recipes.discrete").joinpath("language.toml").read_text()
    paper = tomllib.loads(ours)
    assert paper == tomllib.loads(general)
    assert (paper["model"]["latents"], paper["model"]["latent_width"], paper["model"]["layers"]) == (256, 1024, 16)
    assert paper["masking"]["keys_per_query"] == 4.0


def test_matthews_and_pearson():
    labels = np.array([0.0, 0.0, 1.0, 1.0])
    assert matthews(labels, np.array([0.1, 0.2, 0.9, 0.8])) == 1.0
    assert matthews(labels, np.array([0.1, 0.9, 0.9, 0.1])) == 0.0
    assert matthews(labels, np.array([0.9, 0.9, 0.1, 0.1])) == -1.0
    assert matthews(np.array([0.0, 1.0, 2.0]), np.eye(3)) == 1.0
    weighted = matthews(labels, np.array([0.1, 0.9, 0.9, 0.9]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert weighted == 1.0
    assert pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0])) == pytest.approx(1.0)
    assert pearson(np.array([1.0, 2.0, 3.0]), np.array([0.0, 3.0, 0.0])) == pytest.approx(0.0)
    assert np.isnan(pearson(labels, np.zeros(4)))


@pytest.mark.parametrize("probability", [0.1, 0.9])
def test_matthews_of_one_predicted_class_is_0_as_in_scikit_learn(probability):
    labels, predictions = np.array([0.0, 0.0, 1.0, 1.0]), np.full(4, probability)
    assert matthews(labels, predictions) == matthews_corrcoef(labels, predictions > 0.5) == 0.0
    assert matthews(np.array([0.0, 1.0, 2.0]), np.tile([0.2, 0.5, 0.3], (3, 1))) == 0.0
    assert np.isnan(matthews(np.ones(4), predictions))
    assert np.isnan(matthews(np.ones(4), labels))


def test_a_folder_of_documents_is_read_whole(tmp_path):
    (tmp_path / "docs").mkdir()
    for number in range(4):
        (tmp_path / "docs" / f"d{number}.md").write_text(f"# Page {number}\n\n" + "  text\n" * 100)
    settings = SHORT | {"data.held_out": 0.5}
    result = sma_core.train("text", data=tmp_path / "docs", settings=settings, out=tmp_path / "run")
    assert (result.rows, result.windowed, result.truncated) == (4, 4, 0)
    sma_core.embed(result.run, tmp_path / "docs", tmp_path / "v.npz", window_overlap=16)
    with np.load(tmp_path / "v.npz") as file:
        assert file["ids"].tolist() == [f"d{number}.md" for number in range(4)]


def test_pairs_of_a_file_with_numbers_have_pearson(tmp_path):
    pytest.importorskip("sma_bench", reason="needs sma-text[bench]")
    pairs = [(f"one {a}", f"two {b}", a * b) for a in range(8) for b in range(8)]
    table = ["sentence1,sentence2,score", *(f"{one},{two},{score}" for one, two, score in pairs)]
    (tmp_path / "pairs.csv").write_text("\n".join(table))
    settings = QUICK | {"data.column": "sentence1,sentence2", "targets": "score", "metric": "pearson"}
    settings |= {"kind": "regression", "split.name": "random"}
    result = sma_core.finetune("text", data=tmp_path / "pairs.csv", settings=settings, out=tmp_path / "run")
    assert (result.metric, result.kind) == ("pearson", "regression")
    assert {"pearson", "spearman", "rmse"} <= result.test.keys()
    assert [baseline.left_out for baseline in result.baselines if baseline.name == "characters-linear"] == [None]
    assert sma_core.load(result.run).predict([("one 1", "two 2")]).shape == (1, 1)


def test_both_tasks_are_learned_with_a_baseline_beside(tmp_path):
    pytest.importorskip("sma_bench", reason="needs sma-text[bench]")
    for task, metric, least in (("package", "macro_f1", 0.5), ("continuation", "matthews", 0.05)):
        settings = QUICK | {"training.batch_size": 64, "model.max_length": 64, "model.layers": 1}
        result = sma_core.finetune("text", task=task, settings=settings, out=tmp_path / task)
        assert result.metric == metric
        baseline = next(item for item in result.baselines if item.name == "characters-linear")
        assert baseline.test[metric] > least


def test_the_page_of_masks_shows_bytes(tmp_path):
    pytest.importorskip("sma_view")
    from sma_view.masks import masks

    result = sma_core.train("text", settings=SHORT, out=tmp_path / "run")
    (tmp_path / "rows.txt").write_text("  Größe: three words\n")
    masks(result.run, tmp_path / "rows.txt", page=tmp_path / "masks.html")
    assert "Größe" in (tmp_path / "masks.html").read_text()


def test_labels_of_characters_are_split_at_random_unless_a_split_is_chosen(tmp_path):
    lines = [f"word {number},{'C' * len(f'word {number}')}"[:-1] + "V" for number in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(["text,tags", *lines]))
    few = SHORT | {"training.epochs": 1.0, "targets": ["tags"], "kind": "per-position", "baselines": False}
    del few["training.steps"], few["training.evaluate_rows"]
    result = sma_core.finetune("text", data=tmp_path / "a.csv", settings=few, out=tmp_path / "run")
    assert result.split == "random"
    chosen = few | {"split.name": "stratified"}
    with pytest.raises(DataError, match="needs labels of rows"):
        sma_core.finetune("text", data=tmp_path / "a.csv", settings=chosen, out=tmp_path / "other")


def test_an_empty_document_and_one_in_utf16_are_set_aside(tmp_path):
    folder = tmp_path / "documents"
    folder.mkdir()
    for number in range(40):
        (folder / f"{number:02}.md").write_text(f"the document {number}\nhas two lines")
    (folder / "empty.md").write_text("")
    (folder / "wide.md").write_bytes("two bytes a letter".encode("utf-16"))
    settings = SHORT | {"data.reader": "document"}
    result = sma_core.train("text", data=folder, settings=settings, out=tmp_path / "run")
    assert (result.rows, result.rejected) == (40, 2)
    with pytest.raises(DataError, match=r"the only row of .*empty.md cannot be used"):
        sma_core.train("text", data=folder / "empty.md", settings=settings, out=tmp_path / "other")
