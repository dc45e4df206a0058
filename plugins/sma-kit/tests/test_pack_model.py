"""A pre-trained model from a run to a plugin that ships it, and its use by name."""

import json

import numpy as np
import pytest

import sma_core
from sma_core.errors import CheckpointError, PluginError, UserError
from sma_core.runs.shipped_models import list_models, read_model_card
from sma_kit.pack_model import pack_model
from tests.support.shipped_model import run, shipped

__all__ = ["run", "shipped"]


def test_a_packed_model_gives_the_vectors_of_its_run_and_has_no_optimiser_state(run, shipped):
    texts = ["abc", "hello"]
    assert np.array_equal(sma_core.load(run).embed(texts), sma_core.load("toy:tiny").embed(texts))
    whole, small = (
        sum(path.stat().st_size for path in folder.rglob("*.safetensors")) for folder in (run, shipped)
    )
    assert small < whole / 2
    assert not (shipped / "environment.json").exists()  # it names folders of the machine


def test_a_card_says_how_the_model_was_trained(shipped):
    card = read_model_card("toy:tiny")
    assert card.startswith("# Tiny\n\nIt knows words.\n\n## How it was trained\n")
    assert "- Steps: 4, in 0 minutes" in card
    assert "| 0 | " in card
    assert "| 4 | " in card
    assert "training.steps = 4" in card


def test_a_shipped_model_is_listed_and_can_be_fine_tuned(shipped, run_sma):
    (entry,) = list_models()
    assert (entry.name, entry.rows, entry.licence) == ("toy:tiny", "words", "CC0 1.0")
    printed = run_sma("models", "list")
    assert printed.stdout.startswith("toy:tiny ")
    assert [item["name"] for item in json.loads(run_sma("models", "list", "--json").stdout)] == ["toy:tiny"]
    tuned = run_sma("finetune", "--model", "toy:tiny", "--set", "training.epochs=1", "--out", "tuned", "--json")
    assert tuned.returncode == 0, tuned.stderr
    record = sma_core.load("tuned").record
    assert record.pretrained == "toy:tiny"


def test_an_unknown_model_is_one_sentence(shipped, run_sma):
    printed = run_sma("embed", "rows.txt", "--model", "toy:huge", "--out", "vectors.npy")
    assert printed.returncode == 2
    assert printed.stderr == "error: the domain 'toy' ships no model 'huge'; it ships: toy:tiny\n"


def test_a_domain_without_models_lists_none(install, run_sma):
    install.toy()
    assert "no installed plugin ships a pre-trained model" in run_sma("models", "list").stdout
    with pytest.raises(PluginError, match="it ships: none"):
        sma_core.load("toy:tiny")


def test_only_finished_pretrainings_are_packed_into_new_folders(run, tmp_path):
    card = tmp_path / "card.md"
    with pytest.raises(UserError, match=r"card\.md cannot be read"):
        pack_model(run, tmp_path / "packed", card)
    card.write_text("# Tiny\n")
    with pytest.raises(CheckpointError, match="has no checkpoint of step 3"):
        pack_model(run, tmp_path / "packed", card, step=3)
    with pytest.raises(UserError, match="already exists"):
        pack_model(run, run, card)
    assert not (tmp_path / "packed").exists()
    tuned = sma_core.finetune(model=run, settings={"training.epochs": 1.0}, out=tmp_path / "tuned").run
    with pytest.raises(CheckpointError, match="not a finished run of sma train"):
        pack_model(tuned, tmp_path / "packed", card)
