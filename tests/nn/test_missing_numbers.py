"""Missing numbers are seen as missing, never hidden, and are no targets of the reconstruction."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sma_core.config import MaskingConfig
from sma_core.nn import attention
from sma_core.nn import model as model_module
from sma_core.nn.guidance import collapse, measures
from sma_core.nn.guidance.counts import hidden_counts
from sma_core.nn.inputs import ContinuousInputs
from sma_core.nn.losses.mean_squared_error import MeanSquaredError, value_loss
from sma_core.nn.masking import draw_noise
from sma_core.nn.model import SMA
from tests.nn.small import small_config

STRATEGIES = ("guided", "sampled", "contextual", "random")
ENCODERS = ("cross-attention", "self-attention")
ROWS, LENGTH, CHANNELS = 6, 12, 3


def build(encoder="cross-attention", channels=CHANNELS, missing=True, loss=None, **changes):
    torch.manual_seed(0)
    width = {"latent_width": 16} if encoder == "self-attention" else {}
    config = small_config(encoder=encoder, initializer_range=0.4, **width, **changes)
    return SMA(config, ContinuousInputs(channels, missing), loss).eval()


def rows_of(seed=0, share=0.5, channels=CHANNELS):
    """Numbers with missing ones: a row with one known position, one with none, and padding."""
    draw = torch.Generator().manual_seed(seed)
    values = torch.randn(ROWS, LENGTH, channels, generator=draw)
    values[torch.rand(values.shape, generator=draw) < share] = torch.nan
    values[1], values[2] = torch.nan, torch.nan
    values[1, 4] = 1.0
    real = torch.arange(LENGTH) < torch.tensor([LENGTH, LENGTH, LENGTH, 7, 9, 1])[:, None]
    return values.masked_fill(~real[:, :, None], 0.0), real


def noise_of(model, seed=0, randomness=0.0):
    generator = torch.Generator().manual_seed(seed)
    return draw_noise(ROWS, model.encoder.query_count(LENGTH), LENGTH, generator, "cpu", randomness)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("strategy", STRATEGIES)
@given(
    seed=st.integers(0, 1000),
    share=st.floats(0.0, 1.0),
    ratio=st.floats(0.05, 0.95),
    options=st.sampled_from(
        [{}, {"anneal": "mix"}, {"anneal": "candidates"}, {"reconstruct": "all"}, {"layer": 1}]
    ),
)
@settings(max_examples=15, deadline=None)
def test_missing_numbers_are_never_hidden(encoder, strategy, seed, share, ratio, options):
    model = build(encoder)
    values, real = rows_of(seed, share)
    own = {"mask_self": True} if encoder == "self-attention" else {}
    masking = MaskingConfig(strategy=strategy, ratio=ratio, keys_per_query=2.0, **own, **options)
    noise = noise_of(model, seed, randomness=0.4)
    result = model(values, real, masking, noise)
    known = real & ~values.isnan().all(dim=2)
    assert not (result.mask.hidden & ~known).any()
    listed = torch.zeros_like(real).scatter(1, result.mask.positions, result.mask.valid)
    assert not (listed & ~known).any()
    randomness = None if strategy == "random" else noise.randomness
    counted = masking if strategy != "random" else masking.model_copy(update={"anneal": None})
    counts = hidden_counts(known.sum(1), LENGTH, counted, randomness)
    assert torch.equal(result.mask.hidden.sum(1), counts)
    assert torch.isfinite(result.loss)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("strategy", [*STRATEGIES, "none"])
def test_the_loss_is_the_mean_over_known_numbers(encoder, strategy):
    model, (values, real) = build(encoder), rows_of()
    result = model(values, real, MaskingConfig(strategy=strategy, ratio=0.4), noise_of(model))
    outputs = model.decoder(
        model.encoder(model.embed(values), real & ~result.mask.hidden), result.mask.positions, model.embed
    )
    squares, count = 0.0, 0
    known = ~np.isnan(values.numpy())
    for row, slot in zip(*np.nonzero(result.mask.valid.numpy()), strict=True):
        place = int(result.mask.positions[row, slot])
        wanted, given_ = values[row, place].numpy(), outputs[row, slot].detach().numpy()
        for channel in np.flatnonzero(known[row, place]):
            squares, count = squares + float(given_[channel] - wanted[channel]) ** 2, count + 1
    assert count < CHANNELS * int(result.mask.valid.sum())
    assert result.loss.item() == pytest.approx(squares / count, rel=1e-4)
    assert float(result.scored) == pytest.approx(count / CHANNELS)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_rows_without_missing_numbers_are_as_without_the_learned_vector(encoder):
    values, real = rows_of(share=0.0)
    values = values.nan_to_num(0.5)
    results = []
    for missing, complete in ((False, True), (True, True), (True, False)):
        model = build(encoder, missing=missing)
        result = model(values, real, MaskingConfig(ratio=0.4), noise_of(model), complete=complete)
        result.loss.backward()
        results.append((result.loss, model.embed.projection.weight.grad, result.mask.positions))
    for other in results[1:]:
        assert all(torch.equal(one, two) for one, two in zip(results[0], other, strict=True))


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("channels", [1, CHANNELS])
def test_a_step_tells_missing_from_mean(encoder, channels):
    model, (values, real) = build(encoder, channels), rows_of(channels=channels)
    mean = values.nan_to_num(0.0)
    assert torch.equal(model.embed(values), model.embed(mean))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model(values, real, MaskingConfig(ratio=0.4), noise_of(model)).loss.backward()
    optimizer.step()
    assert not torch.allclose(model.embed(values), model.embed(mean))
    latents = [model.encode(rows, real).values[0] for rows in (values, mean)]
    assert not torch.allclose(*latents)


def test_the_mean_is_an_option():
    model, (values, real) = build(missing_values="mean"), rows_of()
    assert model.embed.missing is None
    assert torch.equal(model.embed(values), model.embed(values.nan_to_num(0.0)))
    assert torch.isfinite(model(values, real, MaskingConfig(), noise_of(model)).loss)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_device_that_is_not_asked_for_values_sees_all_visible_ones(encoder, strategy, monkeypatch):
    model, (values, real) = build(encoder), rows_of(share=0.9)
    masking = MaskingConfig(strategy=strategy, ratio=0.8, keys_per_query=2.0)
    looked = model(values, real, masking, noise_of(model))
    for module in (model_module, attention):
        monkeypatch.setattr(module, "may_look", lambda tensor: False)
    blind = model(values, real, masking, noise_of(model))
    assert torch.equal(looked.mask.hidden, blind.mask.hidden)
    torch.testing.assert_close(looked.loss, blind.loss)


def test_a_loss_without_the_parameter_scores_positions_known_in_every_channel():
    def plain(outputs, targets, mask):
        return value_loss(outputs, targets, mask)

    (values, real), masking = rows_of(), MaskingConfig(strategy="random", ratio=0.6)
    loss, own = (
        build(loss=loss)(values, real, masking, noise_of(build())) for loss in (plain, MeanSquaredError(None))
    )
    complete = ~values.isnan().any(dim=2)
    assert float(loss.scored) == int((loss.mask.hidden & complete).sum())
    assert float(own.scored) > float(loss.scored) > 0


def test_measures_are_of_known_positions():
    model, (values, real) = build(), rows_of()
    masking = MaskingConfig(ratio=0.4, keys_per_query=2.0)
    noises = [noise_of(model, seed) for seed in range(2)]
    figures = measures.measure_mask(model, values, real, masking, tuple(noises))
    assert figures.change[[1, 2, 5]].isnan().all()  # rows that hide nothing
    assert not figures.entropy[[0, 3, 4]].isnan().any()
    assert (figures.entropy[[0, 3, 4]] <= 1.0 + 1e-6).all()
    known = real & ~values.isnan().all(dim=2)
    counted = collapse.group_counts(values, *collapse.times_hidden(model, values, real, masking, noises))[0]
    assert int(counted.sum()) == int(known[known.sum(1) > 1].sum())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_row_without_any_known_number_changes_no_other(strategy):
    model, (values, real) = build(), rows_of()
    masking = MaskingConfig(strategy=strategy, ratio=0.4)
    whole = model(values, real, masking, noise_of(model)).mask.hidden
    real[2] = False
    without = model(values.masked_fill(~real[:, :, None], 0.0), real, masking, noise_of(model)).mask.hidden
    assert torch.equal(whole, without)
