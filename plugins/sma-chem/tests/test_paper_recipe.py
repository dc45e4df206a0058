"""The recipe paper is the model that the authors released: its size, masks and inputs."""

import pytest

from sma_chem.plugin import sma_tasks
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.nn.inputs import DiscreteInputs
from tests.support.recipes import parameters_of, settings_of

TASKS = [task.name for task in sma_tasks()]
BYTES = DiscreteInputs(ByteTokenizer.vocabulary_size)
FILE_SIZE = 201e6
"""Size in bytes of the published file of the pre-trained model."""


@pytest.fixture(scope="module")
def recipe():
    return settings_of("chem", "paper", TASKS)


def test_the_size_is_that_of_the_released_model(recipe):
    parameters = parameters_of(recipe[0].model, BYTES)
    assert round(parameters / 1e6, 1) == 50.8
    assert 4 * parameters == pytest.approx(FILE_SIZE, rel=0.015)


def test_the_file_holds_shared_tables_once(recipe):
    model = recipe[0].model
    shared = {"shared_queries": True, "shared_embedding": True}
    smaller = model.model_copy(update={"decoder": model.decoder.model_copy(update=shared)})
    assert 4 * parameters_of(smaller, BYTES) == pytest.approx(FILE_SIZE, rel=0.001)


@pytest.mark.parametrize(
    "wrong",
    [
        {"layers": 11},
        {"layers": 13},
        {"embedding_width": 756, "latent_width": 756},
        {"embedding_width": 780, "latent_width": 780},
        {"widening": 2},
        {"max_length": 2048},
    ],
)
def test_another_width_or_number_of_layers_has_another_size(recipe, wrong):
    model = recipe[0].model
    width = wrong.get("latent_width", model.decoder.width)
    other = model.model_copy(update={**wrong, "decoder": model.decoder.model_copy(update={"width": width})})
    assert 4 * parameters_of(other, BYTES) != pytest.approx(FILE_SIZE, rel=0.015)


def test_masks_and_inputs_are_the_released_ones(recipe):
    pretraining, finetunings = recipe
    model, masking = pretraining.model, pretraining.masking
    assert (model.encoder, model.heads, model.bias) == ("self-attention", 12, True)
    assert (masking.ratio, masking.keys_per_query, masking.mask_self) == (0.3, 3.0, True)
    assert (masking.head_aggregation, masking.anneal) == ("random_mix", None)
    assert pretraining.data.packing == "successors"
    for config in finetunings:
        assert config.training.warmup_steps == 50
        assert config.model.decoder.heads == 1
        assert config.model.attention_dropout == 0.1
