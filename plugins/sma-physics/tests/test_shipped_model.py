"""The pre-trained model that ships: found by name, of the shape of the recipe tiny, with a true card."""

import tomllib
from importlib import resources

import numpy as np
import pytest

import sma_core
from sma_core.errors import DataError
from sma_core.runs.shipped_models import read_model_card
from sma_core.training.reporting.metrics_file import read_metrics
from sma_physics.models import tiny
from sma_physics.schema import FEATURE_NAMES


def test_it_has_the_shape_of_the_recipe_tiny():
    recipe = tomllib.loads((resources.files("sma_physics.recipes") / "tiny.toml").read_text(encoding="utf-8"))
    config = sma_core.load("physics:tiny").config.model.model_dump()
    for name, value in recipe["model"].items():
        if name != "decoder":
            assert config[name] == value, name


def test_the_loss_on_its_card_is_that_of_its_curve():
    curve = [line for line in read_metrics(tiny() / "metrics.jsonl") if "held_out_random_loss" in line]
    assert curve[-1]["held_out_random_loss"] < 0.58 < 0.9 < curve[0]["held_out_random_loss"]
    assert f"| 12,000 | {curve[-1]['held_out_random_loss']:.3f} |" in read_model_card("physics:tiny")


def test_it_reads_the_features_of_higgs_by_name():
    model = sma_core.load("physics:tiny")
    assert tuple(model.features) == FEATURE_NAMES
    rows = np.abs(np.random.default_rng(0).normal(size=(4, len(FEATURE_NAMES)))) + 0.5
    table = {name: rows[:, index] for index, name in reversed(list(enumerate(FEATURE_NAMES)))}
    np.testing.assert_array_equal(model.embed(table), model.embed(rows))
    with pytest.raises(DataError, match="reads rows of 28 numbers"):
        model.embed(rows[:, :27])
