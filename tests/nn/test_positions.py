"""Position embeddings by a setting: a table, axes of a grid, Fourier features, none; decoder queries follow."""

from __future__ import annotations

import pytest
import torch

from sma_core.config import MaskingConfig, ModelConfig
from sma_core.config.layers import Layer, flatten, resolve
from sma_core.errors import ConfigError
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs
from sma_core.nn.model import SMA
from sma_core.nn.parameters import parameter_count
from sma_core.nn.positions.axes import Axes
from sma_core.nn.positions.fourier import Fourier, fourier_features
from tests.nn.small import VOCABULARY, batch, noise_for, small_config

GRID = {"max_length": 24, "grid": (4, 6)}
KINDS = {
    "learned": {},
    "axes": {"positions": "axes", **GRID},
    "fourier": {"positions": "fourier"},
    "fourier of axes": {"positions": "fourier", **GRID},
}


def model_of(inputs=None, **changes):
    torch.manual_seed(0)
    return SMA(small_config(initializer_range=0.4, **changes), inputs or DiscreteInputs(VOCABULARY))


def test_positions_on_a_grid_are_sums_over_its_axes():
    config = small_config(positions="axes", max_length=24, grid=(2, 3, 4))
    module = Axes(config, 8)
    vectors = module(24)
    first, second, third = (table.weight for table in module.tables)
    for place in range(24):
        expected = first[place // 12] + second[place // 4 % 3] + third[place % 4]
        assert torch.allclose(vectors[place], expected)
    for length in (1, 4, 7, 23):
        assert torch.equal(module(length), vectors[:length])
    assert parameter_count(module) == (2 + 3 + 4) * 8


def test_fourier_features_of_a_grid_are_those_of_its_axes():
    torch.manual_seed(0)
    module = Fourier(small_config(positions="fourier", max_length=24, grid=(4, 6)), 8)
    rows, columns = (maps(fourier_features(size)) for maps, size in zip(module.maps, (4, 6), strict=True))
    assert torch.allclose(module(24).view(4, 6, 8), rows[:, None] + columns, atol=1e-6)
    assert torch.equal(module(9), module(24)[:9])


def test_fourier_features_tell_all_of_50_000_positions_apart_with_no_more_parameters():
    sizes = {parameter_count(model_of(positions="fourier", max_length=length)) for length in (32, 50_000)}
    assert len(sizes) == 1
    features = fourier_features(50_000)
    assert torch.allclose(features.norm(dim=1), torch.ones(50_000))
    near = torch.cdist(features[::997], features)  # nearest others of some
    near[torch.arange(len(near)), torch.arange(0, 50_000, 997)] = torch.inf
    assert float(near.min()) > 0.1


@pytest.mark.parametrize("encoder", ["cross-attention", "self-attention"])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_embedding_and_decoder_queries_learn_where_inputs_are(kind, shared, encoder):
    width = {"latent_width": 16} if encoder == "self-attention" else {}
    model = model_of(encoder=encoder, decoder={"shared_queries": shared}, **width, **KINDS[kind])
    inputs, padding_mask = batch()
    noise = noise_for(padding_mask, model.encoder.query_count(20))
    model(inputs, padding_mask, MaskingConfig(ratio=0.4), noise).loss.backward()
    names = [name for name, _ in model.named_parameters() if "positions" in name or "queries" in name]
    assert any(name.startswith("decoder.") for name in names) is not shared
    assert all(dict(model.named_parameters())[name].grad.abs().sum() > 0 for name in names)
    states = model.eval().hidden_states(inputs[:1], padding_mask[:1])
    moved = model.hidden_states(inputs[:1].roll(1, dims=1), padding_mask[:1])
    assert not torch.allclose(states, moved, atol=1e-3)
    outputs = (
        model.decoder(model.encode(inputs, padding_mask), torch.tensor([[3, 7]] * 5), model.embed, length=length)
        for length in (8, 20, None)
    )
    first, *others = outputs
    assert all(torch.allclose(first, other, atol=1e-6) for other in others)


def test_a_set_is_decoded_with_learned_queries():
    model = model_of(ContinuousInputs(2), positions="none")
    assert model.embed.positions is None
    assert model.decoder.queries.shape == (32, 16)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"positions": "axes"}, r"axes needs model\.grid, such as \[28, 28\]"),
        ({"positions": "axes", "grid": (4, 6)}, r"has 24 positions, fewer than model\.max_length, which is 512"),
        ({"grid": (32, 32)}, r"model\.positions learned does not use model\.grid: set model.grid=none"),
        ({"positions": "none", "decoder": {"shared_queries": True, "width": 256}}, r"model\.positions is none"),
    ],
)
def test_positions_that_do_not_fit_get_a_sentence(settings, sentence):
    with pytest.raises(ConfigError, match=sentence):
        resolve(ModelConfig, [Layer("`settings`", settings)])


def test_a_name_that_is_not_built_in_needs_its_factory():
    with pytest.raises(ConfigError, match=r"'ring' is not built in \(built-in: learned, none, axes, fourier\)"):
        model_of(positions="ring")


@pytest.mark.parametrize(("before", "now"), [(True, "learned"), (False, "none")])
def test_the_setting_of_earlier_versions_is_read(before, now):
    from sma_core.config import PretrainConfig

    old = Layer("config.toml", {"domain": "toy", "model": {"position_embeddings": before}})
    assert resolve(PretrainConfig, [old]).config.model.positions == now
    assert dict(flatten(old.values))["model.positions"] == now
    newer = Layer("`settings`", {"model": {"positions": "fourier"}})
    assert resolve(PretrainConfig, [old, newer]).config.model.positions == "fourier"
    assert resolve(PretrainConfig, [newer, old]).config.model.positions == now
