import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from sma_core.config.masking import MaskingConfig
from sma_core.errors import ConfigError
from sma_core.nn.guidance.counts import (
    hidden_counts,
    largest_hidden_count,
    largest_visible_count,
    query_count,
    randomness_at,
    shares,
)
from sma_core.nn.masking import (
    Draw,
    Mask,
    MaskNoise,
    attention_of,
    choose,
    draw_noise,
    draw_queries,
    hide,
    importance,
    query_scores,
)
from sma_core.nn.strategies import guided
from sma_core.nn.strategies.choosing import choose_mask
from tests.nn.small import batch, noise_for, small_model

GUIDED = MaskingConfig(ratio=0.3, keys_per_query=3)
RANDOM = MaskingConfig(ratio=0.3, strategy="random")


def mask_of(queries: Tensor, keys: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise) -> Mask:
    """The mask for projected queries ``(B, H, M, d)`` and keys ``(B, H, N, d)`` of cross-attention."""
    if masking.strategy == "random":
        return hide(noise.positions, padding_mask, masking, noise)
    heads = queries.shape[1]
    draw = draw_queries(noise, masking, padding_mask, heads, of_inputs=False)
    attention = attention_of(query_scores(queries, keys, draw.queries), padding_mask, draw.heads)
    return hide(importance(attention, draw, heads), padding_mask, masking, noise)


@pytest.fixture
def projected():
    """Queries (B, H, M, d), keys (B, H, N, d), padding mask and noise of a batch."""
    _, padding_mask = batch()
    generator = torch.Generator().manual_seed(1)
    rows, length = padding_mask.shape
    queries = torch.randn(1, 2, 6, 4, generator=generator).expand(rows, -1, -1, -1)
    return (
        queries,
        torch.randn(rows, 2, length, 4, generator=generator),
        padding_mask,
        noise_for(padding_mask),
    )


def test_positions_with_the_largest_attention_of_the_drawn_query_are_hidden():
    queries = torch.tensor([[[[1.0, 0.0], [0.0, 1.0]]]])  # one row, one head, two queries
    keys = torch.tensor([[[[9.0, 1.0], [1.0, 9.0], [8.0, 2.0], [2.0, 8.0], [0.0, 0.0], [9.9, 9.9]]]])
    padding_mask = torch.tensor([[True, True, True, True, True, False]])
    for drawn, expected in ((0, [0, 2]), (1, [1, 3])):
        noise = noise_for(padding_mask, 2)._replace(queries=torch.eye(2)[drawn : drawn + 1])
        mask = mask_of(queries, keys, padding_mask, MaskingConfig(ratio=0.4, keys_per_query=3), noise)
        assert mask.hidden.nonzero()[:, 1].tolist() == expected


def test_only_the_drawn_queries_matter(projected):
    queries, keys, padding_mask, noise = projected
    draw = draw_queries(noise, GUIDED, padding_mask, 2, of_inputs=False)
    drawn = torch.zeros(len(keys), 6, dtype=torch.bool).scatter(1, draw.queries, draw.valid)
    at = drawn[:, None, :, None]
    hidden = mask_of(queries, keys, padding_mask, GUIDED, noise).hidden
    other_undrawn = torch.where(at, queries, torch.randn_like(queries))
    other_drawn = torch.where(at, -queries, queries)
    assert torch.equal(mask_of(other_undrawn, keys, padding_mask, GUIDED, noise).hidden, hidden)
    assert not torch.equal(mask_of(other_drawn, keys, padding_mask, GUIDED, noise).hidden, hidden)


def test_padding_is_never_hidden_when_all_importances_are_zero():
    padding_mask = batch()[1].flip(1)  # padding in front, where ties would go
    masking = MaskingConfig(ratio=0.5)
    mask = hide(torch.zeros(padding_mask.shape), padding_mask, masking, noise_for(padding_mask))
    assert not (mask.hidden & ~padding_mask).any()
    assert torch.equal(mask.hidden.sum(1), hidden_counts(padding_mask.sum(1), 20, masking))


def test_padding_is_never_hidden_when_it_scores_best_and_the_rest_underflows():
    padding_mask = torch.tensor([[True, True, True, True, False, False]])
    scores = torch.tensor([0.0, -500.0, -500.0, -500.0, 900.0, 900.0]).expand(1, 2, 3, 6)
    draw = Draw(torch.arange(3)[None], torch.ones(1, 3, dtype=torch.bool), None)
    ranking = importance(attention_of(scores, padding_mask), draw, 2)
    assert ranking[0, 1:].eq(0).all()
    mask = hide(ranking, padding_mask, MaskingConfig(ratio=0.6), noise_for(padding_mask))
    assert mask.hidden.tolist() == [[True, True, False, False, False, False]]


def test_rows_with_one_position_or_none_hide_nothing():
    padding_mask = torch.tensor([[True, False, False], [False, False, False]])
    for masking in (GUIDED, RANDOM):
        queries, keys = torch.randn(2, 2, 6, 4), torch.randn(2, 2, 3, 4)
        mask = mask_of(queries, keys, padding_mask, masking, noise_for(padding_mask))
        assert not mask.hidden.any()
        assert not mask.valid.any()


def test_the_list_of_positions_and_the_picture_say_the_same(projected):
    mask = mask_of(projected[0], projected[1], projected[2], GUIDED, projected[3])
    for hidden, positions, valid in zip(*mask, strict=True):
        assert sorted(positions[valid].tolist()) == hidden.nonzero().flatten().tolist()


@pytest.mark.parametrize("anneal", [None, "mix"])
@pytest.mark.parametrize("varying_length", [True, False])
def test_the_bounds_hold_for_every_length_and_are_tight(anneal, varying_length):
    lengths = torch.arange(1, 400)
    for percent in range(3, 100, 4):
        masking = MaskingConfig(
            ratio=percent / 100, anneal=anneal, anneal_start=0.7, varying_length=varying_length
        )
        for padded in (399, 40):
            own = lengths[:padded]
            for randomness in (0.0, 0.31, 1.0):
                counts = hidden_counts(own, padded, masking, torch.tensor(randomness, dtype=torch.float64))
                assert counts.max() <= largest_hidden_count(padded, masking)
                assert (own - counts).max() <= largest_visible_count(padded, masking)
                assert largest_hidden_count(padded, masking) - counts.max() <= (1 if anneal is None else 2)


def test_a_mask_that_hides_nothing_reconstructs_every_real_position():
    model, (inputs, padding_mask) = small_model(), batch()
    mask = model(inputs, padding_mask, MaskingConfig(strategy="none"), noise_for(padding_mask)).mask
    assert not mask.hidden.any()
    assert torch.equal(mask.valid, padding_mask)


def test_reconstructing_all_hides_the_same_and_counts_every_real_position():
    model, (inputs, padding_mask) = small_model(), batch()
    masks = [
        model(inputs, padding_mask, GUIDED.model_copy(update={"reconstruct": what}), noise_for(padding_mask)).mask
        for what in ("hidden", "all")
    ]
    assert torch.equal(masks[0].hidden, masks[1].hidden)
    assert torch.equal(masks[1].valid, padding_mask)


def test_ties_are_broken_alike_whatever_the_padding():
    for padded in (8, 64, 500):
        padding_mask = torch.arange(padded)[None] < 8
        mask = choose(torch.zeros(1, padded), padding_mask, torch.tensor([4]), 4)
        assert mask.hidden.nonzero()[:, 1].tolist() == [0, 1, 2, 3]


def test_random_choice_is_uniform_over_real_positions_and_blind_to_attention():
    rows, length, real = 4000, 12, 10
    padding_mask = (torch.arange(length) < real).expand(rows, -1)
    noise = noise_for(padding_mask)
    queries, keys = torch.randn(rows, 1, 6, 2), torch.randn(rows, 1, length, 2)
    hidden = mask_of(queries, keys, padding_mask, RANDOM, noise).hidden
    share = hidden.float().mean(0)
    assert share[real:].eq(0).all()
    assert (share[:real] - 0.3).abs().max() < 0.04  # standard error 0.007
    assert torch.equal(mask_of(-queries, keys, padding_mask, RANDOM, noise).hidden, hidden)


def test_queries_are_drawn_uniformly_and_without_repetition():
    padding_mask = torch.ones(4000, 20, dtype=torch.bool)
    draw = draw_queries(noise_for(padding_mask), GUIDED, padding_mask, 1, of_inputs=False)
    assert draw.valid.all()
    assert (draw.queries[:, 0] != draw.queries[:, 1]).all()
    share = torch.bincount(draw.queries.flatten(), minlength=6) / 4000
    assert (share - 2 / 6).abs().max() < 0.04


def test_self_attention_draws_real_inputs_as_many_as_the_rows_own_length_asks_for():
    padding_mask = batch()[1]
    draw = draw_queries(noise_for(padding_mask, 20), GUIDED, padding_mask, 1, of_inputs=True)
    lengths = padding_mask.sum(1)
    assert draw.valid.sum(1).tolist() == [2, 1, 1, 1, 1]
    assert all((row[valid] < n).all() for row, valid, n in zip(draw.queries, draw.valid, lengths, strict=True))


def test_random_mix_takes_one_head_for_each_query():
    scores = torch.randn(2, 3, 4, 5)
    real = torch.ones(2, 5, dtype=torch.bool)
    heads = torch.tensor([[0, 2, 1, 1], [2, 2, 0, 1]])
    mixed = attention_of(scores, real, heads)
    for row in range(2):
        for query in range(4):
            expected = scores[row, heads[row, query], query].softmax(-1)
            assert torch.allclose(mixed[row, query], expected)


def test_random_mix_draws_every_head_about_as_often():
    padding_mask = torch.ones(4000, 20, dtype=torch.bool)
    masking = GUIDED.model_copy(update={"head_aggregation": "random_mix"})
    heads = draw_queries(noise_for(padding_mask), masking, padding_mask, 3, of_inputs=False).heads
    share = torch.bincount(heads.flatten(), minlength=3) / heads.numel()
    assert (share - 1 / 3).abs().max() < 0.03


def test_mask_self_puts_the_drawn_queries_own_positions_first():
    attention = torch.rand(1, 2, 8) / 8
    draw = Draw(torch.tensor([[5, 2]]), torch.tensor([[True, False]]), None)
    ranking = importance(attention, draw, heads=4, mask_self=True)
    assert ranking.argmax() == 5
    assert ranking[0, 2] < 1  # an entry that was not drawn gets nothing


def test_mask_self_needs_queries_that_stand_at_positions():
    model, (inputs, padding_mask) = small_model(), batch()
    masking = GUIDED.model_copy(update={"mask_self": True})
    with pytest.raises(ConfigError, match="mask_self requires a self-attention encoder"):
        model(inputs, padding_mask, masking, noise_for(padding_mask))


@pytest.mark.parametrize(
    ("length", "keys_per_query", "expected"), [(100, 8.0, 4), (4, 8.0, 1), (1000, 1.0, 128), (100, 12.0, 2)]
)
def test_query_count_rounds_half_to_even_and_stays_between_one_and_all(length, keys_per_query, expected):
    assert query_count(length, 0.3, keys_per_query, 128) == expected


def test_fixed_length_counts_by_the_padded_length_but_leaves_one_position():
    masking = MaskingConfig(ratio=0.5, varying_length=False)
    assert hidden_counts(torch.tensor([24, 17, 5, 1]), 24, masking).tolist() == [12, 12, 4, 0]


def test_equal_generators_give_equal_noise_and_unequal_ones_do_not():
    first, again, other = (draw_noise(3, 6, 20, torch.Generator().manual_seed(seed), "cpu") for seed in (7, 7, 8))
    for part in ("queries", "positions", "heads"):
        assert torch.equal(getattr(first, part), getattr(again, part))
        assert not torch.equal(getattr(first, part), getattr(other, part))
    assert first.queries.shape == first.heads.shape == (3, 6)
    assert first.positions.shape == (3, 20)


def test_scores_are_summed_in_float32_under_autocast(projected):
    queries, keys, padding_mask, noise = projected
    queries, keys = queries.bfloat16(), keys.bfloat16()
    drawn = draw_queries(noise, GUIDED, padding_mask, 2, of_inputs=False).queries
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = query_scores(queries, keys, drawn)
    exact = query_scores(queries.double(), keys.double(), drawn)
    assert scores.dtype == torch.float32
    assert (scores - exact).abs().max() < 1e-5


def test_choosing_records_nothing_for_the_backward_pass(monkeypatch):
    recorded = []

    def spied(ranking, *others):
        recorded.append(ranking.requires_grad)
        return hide(ranking, *others)

    monkeypatch.setattr(guided, "hide", spied)
    model, (inputs, padding_mask) = small_model(), batch()
    situation = model.situation(inputs, padding_mask, GUIDED, noise_for(padding_mask))
    assert situation.embedded.requires_grad
    choose_mask(situation)
    assert recorded == [False]


def test_scores_of_drawn_queries_are_those_of_full_attention(projected):
    queries, keys, padding_mask, noise = projected
    drawn = draw_queries(noise, GUIDED, padding_mask, 2, of_inputs=False).queries
    full = queries @ keys.transpose(-2, -1) / 4**0.5
    for row in range(len(keys)):
        assert torch.allclose(query_scores(queries, keys, drawn)[row], full[row][:, drawn[row]], atol=1e-6)


# From random to guided


def ranked(padding_mask: Tensor) -> Tensor:
    """An importance that falls from the first position to the last."""
    return torch.linspace(1.0, 0.1, padding_mask.shape[1]).expand(padding_mask.shape)


def test_mix_hides_the_most_important_for_its_share_and_others_at_random():
    padding_mask = torch.ones(2000, 20, dtype=torch.bool)
    masking = MaskingConfig(ratio=0.5, anneal="mix", anneal_start=0.8)
    noise = noise_for(padding_mask, randomness=0.5)  # guided share 0.5 * (1 - 0.4), random share 0.5 * 0.4
    hidden = hide(ranked(padding_mask), padding_mask, masking, noise).hidden
    assert (hidden.sum(1) == 10).all()
    assert hidden[:, :6].all()
    assert (hidden[:, 6:].float().mean(0) - 4 / 14).abs().max() < 0.05  # standard error 0.01


def test_candidates_hide_at_random_inside_a_larger_top_set():
    padding_mask = torch.ones(2000, 20, dtype=torch.bool)
    masking = MaskingConfig(ratio=0.3, anneal="candidates", anneal_start=0.9)
    noise = noise_for(padding_mask, randomness=0.5)  # 0.3 + 0.6 * 0.5 of 20 positions are candidates
    hidden = hide(ranked(padding_mask), padding_mask, masking, noise).hidden
    assert (hidden.sum(1) == 6).all()
    assert not hidden[:, 12:].any()
    assert (hidden[:, :12].float().mean(0) - 0.5).abs().max() < 0.05


def test_a_random_share_may_stay_to_the_end():
    masking = MaskingConfig(ratio=0.4, anneal="mix", anneal_start=1.0, anneal_end=0.5)
    assert [shares(masking, torch.tensor(t, dtype=torch.float64))[1].item() for t in (1.0, 0.5, 0.0)] == [
        pytest.approx(0.4),
        pytest.approx(0.3),
        pytest.approx(0.2),
    ]
    wide = MaskingConfig(ratio=0.3, anneal="candidates", anneal_start=1.0, anneal_end=0.6)
    assert shares(wide, torch.zeros((), dtype=torch.float64))[0].item() == pytest.approx(0.6)
    with pytest.raises(ValidationError, match="anneal_end is the fraction of candidates"):
        MaskingConfig(ratio=0.3, anneal="candidates", anneal_end=0.1)


@pytest.mark.parametrize("anneal", ["mix", "candidates"])
def test_an_annealed_choice_ends_as_the_guided_one_and_begins_at_random(anneal):
    _, padding_mask = batch()
    guided = hide(ranked(padding_mask), padding_mask, MaskingConfig(ratio=0.3), noise_for(padding_mask)).hidden
    masking = MaskingConfig(ratio=0.3, anneal=anneal, anneal_start=1.0)
    at_end = hide(ranked(padding_mask), padding_mask, masking, noise_for(padding_mask, randomness=0.0)).hidden
    assert torch.equal(at_end, guided)
    noise = noise_for(padding_mask, randomness=1.0)
    begun = [
        hide(ranking, padding_mask, masking, noise).hidden
        for ranking in (ranked(padding_mask), ranked(padding_mask).flip(1))
    ]
    assert torch.equal(*begun)


def test_annealing_goes_from_one_to_zero_over_its_share_and_needs_the_setting():
    masking = MaskingConfig(anneal="mix", anneal_over=0.25)
    values = [randomness_at(step, 400, masking) for step in range(400)]
    assert values[0] == 1.0
    assert values[50] == pytest.approx(0.5)
    assert values[100:] == [0.0] * 300
    assert values == sorted(values, reverse=True)
    assert randomness_at(0, 400, MaskingConfig()) == 0.0
