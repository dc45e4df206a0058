"""Sampled masks: chances follow the importance."""

import pytest
import torch

from sma_core.config import MaskingConfig, ModelConfig
from sma_core.errors import ConfigError
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.masking import draw_noise
from sma_core.nn.model import SMA
from sma_core.nn.strategies import sampled as module
from sma_core.nn.strategies.protocol import Situation
from sma_core.nn.strategies.sampled import Sampled

ROWS, LENGTH = 4000, 8
MASKING = MaskingConfig(ratio=0.25)  # 2 of 8


def hidden_shares(monkeypatch, importance, temperature):
    """Return how often each position (N,) is hidden when ``importance`` (N,) is that of every row."""
    monkeypatch.setattr(module, "rank", lambda situation: (importance.expand(ROWS, -1), None, None))
    noise = draw_noise(ROWS, 1, LENGTH, torch.Generator().manual_seed(0), "cpu")
    padding_mask = torch.ones(ROWS, LENGTH, dtype=torch.bool)
    mask = Sampled({"temperature": temperature}).choose(
        Situation(None, None, None, None, padding_mask, MASKING, noise)  # type: ignore[arg-type]
    )
    return mask.hidden.double().mean(dim=0)


def test_uniform_importance_gives_random_masks(monkeypatch):
    shares = hidden_shares(monkeypatch, torch.full((LENGTH,), 0.1), 1.0)
    assert shares.sum() == pytest.approx(2.0)
    assert (shares - 0.25).abs().max() < 0.03


def test_the_first_draw_is_proportional_to_the_importance(monkeypatch):
    importance = torch.tensor([4.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    shares = hidden_shares(monkeypatch, importance, 1.0)
    expected = 4 / 11 + 7 / 11 * 4 / 10  # drawn first, or second after one of the others
    assert shares[0] == pytest.approx(expected, abs=0.03)


def test_a_low_temperature_hides_the_most_important(monkeypatch):
    importance = torch.tensor([0.1, 0.1, 5.0, 0.1, 0.1, 4.0, 0.1, 0.1])
    assert hidden_shares(monkeypatch, importance, 0.2)[[2, 5]].min() > 0.99


def test_no_padding_is_hidden_and_a_row_stays_visible():
    model = SMA(ModelConfig(layers=1, max_length=16), DiscreteInputs(30))
    lengths = torch.tensor([1, 2, 9, 16])
    padding_mask = torch.arange(16) < lengths[:, None]
    noise = draw_noise(4, model.encoder.query_count(16), 16, torch.Generator().manual_seed(0), "cpu")
    masking = MaskingConfig(strategy="sampled", ratio=0.5)
    result = model(torch.zeros(4, 16, dtype=torch.int64), padding_mask, masking, noise)
    assert not (result.mask.hidden & ~padding_mask).any()
    assert ((padding_mask & ~result.mask.hidden).sum(dim=1) >= 1).all()


def test_the_random_part_of_annealed_masks_has_its_own_chances(monkeypatch):
    importance = torch.tensor([1.0] * 4 + [1e-3] * 4)
    monkeypatch.setattr(module, "rank", lambda situation: (importance.expand(ROWS, -1), None, None))
    masking = MaskingConfig(ratio=0.5, anneal="mix", anneal_end=0.5)  # 2 drawn by importance, 2 at random
    noise = draw_noise(ROWS, 1, LENGTH, torch.Generator().manual_seed(0), "cpu")
    padding_mask = torch.ones(ROWS, LENGTH, dtype=torch.bool)
    situation = Situation(None, None, None, None, padding_mask, masking, noise)  # type: ignore[arg-type]
    hidden = Sampled({}).choose(situation).hidden
    shares = hidden.double().mean(dim=0)
    assert hidden.sum(dim=1).eq(4).all()
    assert (shares[4:] - 2 / 6).abs().max() < 0.03  # 2 of the 6 positions that were not drawn by importance
    assert (shares[:4] - 2 / 3).abs().max() < 0.03


def test_scrambled_numbers_are_uniform_and_unrelated_to_the_given_ones():
    given = torch.rand(100_000, generator=torch.Generator().manual_seed(0))
    scrambled = module.scrambled(given)
    assert scrambled.unique().numel() == given.unique().numel()
    assert ((scrambled >= 0) & (scrambled < 1)).all()
    for low in (0.0, 0.3, 0.99):
        chosen = scrambled[(given >= low) & (given < low + 0.01)]
        assert abs(chosen.mean() - 0.5) < 0.05  # standard error 0.009


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"heat": 1.0}])
def test_wrong_options_are_refused(options):
    with pytest.raises(ConfigError, match=r"masking\.options\."):
        Sampled(options)
