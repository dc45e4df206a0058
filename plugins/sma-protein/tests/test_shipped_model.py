"""The pre-trained model that ships: found by name, of the shape of the recipe tiny, with a true card."""

import tomllib
from importlib import resources

import numpy as np

import sma_core
from sma_core.runs.shipped_models import read_model_card
from sma_core.training.reporting.metrics_file import read_metrics
from sma_protein.models import tiny


def test_it_has_the_shape_of_the_recipe_tiny():
    recipe = tomllib.loads((resources.files("sma_protein.recipes") / "tiny.toml").read_text(encoding="utf-8"))
    config = sma_core.load("protein:tiny").config.model.model_dump()
    for name, value in recipe["model"].items():
        if name != "decoder":
            assert config[name] == value, name


def test_the_loss_on_its_card_is_that_of_its_curve_and_below_that_of_letter_frequencies():
    last = [line for line in read_metrics(tiny() / "metrics.jsonl") if "held_out_random_loss" in line][-1]
    assert last["held_out_random_loss"] < 2.83
    assert f"| 2,000 | {last['held_out_random_loss']:.3f} |" in read_model_card("protein:tiny")


def test_it_embeds_and_says_what_it_does_not_read():
    model = sma_core.load("protein:tiny")
    vectors = model.embed(["MKVLAAGIV", "MKVLAAGIVG", "WWCWWCHHC"])
    assert np.linalg.norm(vectors[0] - vectors[1]) < np.linalg.norm(vectors[0] - vectors[2])
    assert model.config.model.max_length == 256
