"""The pre-trained model that ships: found by name, of the shape of the recipe tiny, with a true card."""

import tomllib
from importlib import resources

import numpy as np

import sma_core
from sma_chem.models import tiny
from sma_core.runs.shipped_models import read_model_card
from sma_core.training.reporting.metrics_file import read_metrics


def test_it_has_the_shape_of_the_recipe_tiny():
    recipe = tomllib.loads((resources.files("sma_chem.recipes") / "tiny.toml").read_text(encoding="utf-8"))
    config = sma_core.load("chem:tiny").config.model.model_dump()
    for name, value in recipe["model"].items():
        if name != "decoder":
            assert config[name] == value, name


def test_the_loss_on_its_card_is_that_of_its_curve():
    last = [line for line in read_metrics(tiny() / "metrics.jsonl") if "held_out_random_loss" in line][-1]
    assert last["held_out_random_loss"] < 0.6
    assert f"| 6,000 | {last['held_out_random_loss']:.3f} |" in read_model_card("chem:tiny")


def test_two_alcohols_are_closer_than_an_alcohol_and_a_ring():
    ethanol, propanol, benzene = sma_core.load("chem:tiny").embed(["CCO", "CCCO", "c1ccccc1"])
    assert np.linalg.norm(ethanol - propanol) < np.linalg.norm(ethanol - benzene)
