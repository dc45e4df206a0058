"""The recipe paper is the model that the authors released: its size, masks and dropout."""

import pytest

from sma_core.nn.inputs import ContinuousInputs
from sma_physics.plugin import sma_tasks
from tests.support.recipes import parameters_of, settings_of

TASKS = [task.name for task in sma_tasks()]
FILE_SIZE = 2.46e6
"""Size in bytes of the published file of the pre-trained model, with the names of its tensors."""


@pytest.fixture(scope="module")
def recipe():
    return settings_of("physics", "paper", TASKS)


def test_the_size_is_that_of_the_released_model(recipe):
    parameters = parameters_of(recipe[0].model, ContinuousInputs(1))
    assert round(parameters / 1e6, 3) == 0.606
    assert 0.98 * FILE_SIZE < 4 * parameters < FILE_SIZE


@pytest.mark.parametrize(
    "wrong",
    [
        {"layers": 3},
        {"layers": 5},
        {"embedding_width": 120, "latent_width": 120},
        {"embedding_width": 136, "latent_width": 136},
        {"widening": 2},
        {"bias": False},
        {"max_length": 64},
    ],
)
def test_another_width_or_number_of_layers_has_another_size(recipe, wrong):
    model = recipe[0].model
    width = wrong.get("latent_width", model.decoder.width)
    other = model.model_copy(update={**wrong, "decoder": model.decoder.model_copy(update={"width": width})})
    assert round(parameters_of(other, ContinuousInputs(1)) / 1e6, 3) != 0.606


def test_masks_and_dropout_are_the_released_ones(recipe):
    pretraining, finetunings = recipe
    model, masking = pretraining.model, pretraining.masking
    assert (model.encoder, model.bias) == ("self-attention", True)
    assert (masking.ratio, masking.keys_per_query, masking.mask_self) == (0.2, 3.0, True)
    assert (masking.anneal, masking.anneal_start, masking.anneal_over) == ("mix", 1.0, 0.25)
    assert masking.head_aggregation == "random_mix"
    for config in finetunings:
        dropouts = (config.model.dropout, config.model.attention_dropout, config.model.drop_path)
        assert dropouts == (0.1, 0.1, 0.1)
