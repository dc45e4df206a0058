"""The general recipes of the core: those of the authors have the sizes of their figures."""

import sys

import pytest

from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs
from sma_core.plugins.domain_file import named
from sma_core.plugins.registry import Registry
from sma_core.runs.recipes import recipe_names
from sma_core.runs.settings import Request, finetune_settings, pretrain_settings
from tests.support.recipes import general, parameters_of

TEXT = """
from sma_core.plugins import DataSet, Domain, hookimpl

@hookimpl
def sma_domains():
    return [Domain(name="text", summary="Lines of text", tokenizer="bytes", reader="lines", dataset="lines")]

@hookimpl
def sma_datasets():
    return [DataSet(name="lines", summary="Lines", source="made", licence="CC0", file="lines.txt")]
"""


@pytest.fixture
def text(tmp_path, monkeypatch) -> Registry:
    """A domain of text from a single file, without recipes of its own."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    path = tmp_path / "lines_of_text.py"
    path.write_text(TEXT)
    domain, policy = named(str(path), None)
    yield Registry.load(domain, policy)
    sys.modules.pop("lines_of_text", None)


def test_a_file_that_is_a_domain_of_text_has_the_recipe_language(text):
    assert recipe_names(text) == ["language", "paper", "small", "tiny"]
    config = pretrain_settings(text, Request("language")).config
    model, masking = config.model, config.masking
    assert (model.encoder, model.latents, model.latent_width, model.layers) == ("cross-attention", 256, 1024, 16)
    assert (masking.strategy, masking.keys_per_query, masking.ratio) == ("guided", 4.0, 0.15)
    assert finetune_settings(text, Request("language", settings={"task": "any"})).config.training.epochs == 5.0


def test_the_recipe_language_has_the_size_of_its_figures(text):
    """No size is published: the figures give it, and the part of the released ones alone."""
    wide, narrow, rows, symbols = 1024, 256, 1024, 262
    layer = 6 * wide**2 + 4 * wide  # query, key, value, output and the two maps of the MLP; two norms
    first = 4 * wide**2 + 2 * narrow * wide + 4 * wide  # keys and values of the embedded inputs
    released = 16 * layer + 256 * wide
    embedding = (symbols + rows) * narrow + 2 * narrow
    decoder = 4 * narrow**2 + 2 * wide * narrow + 4 * narrow  # keys and values of the latents
    outputs = rows * narrow + (narrow + 1) * symbols + 2 * wide + 2 * narrow
    model = pretrain_settings(text, Request("language")).config.model
    assert parameters_of(model, DiscreteInputs(symbols)) == released + embedding + first + decoder + outputs
    assert released == pytest.approx(101e6, rel=0.001)


def test_the_recipe_paper_for_numbers_has_the_size_that_the_authors_released():
    model = general("continuous", "paper").model.model_copy(update={"max_length": 28})
    assert round(parameters_of(model, ContinuousInputs(1)) / 1e6, 3) == 0.606
