import pytest
import torch

from sma_core.config.models import MaskingConfig
from sma_core.nn import masking as masking_module
from sma_core.nn.masking import (
    MaskNoise,
    choose,
    choose_mask,
    draw_noise,
    draw_queries,
    hidden_counts,
    importance,
    largest_hidden_count,
    query_count,
    query_scores,
)
from tests.nn.small import batch, noise_for

GUIDED = MaskingConfig(ratio=0.3, keys_per_query=3)
RANDOM = MaskingConfig(ratio=0.3, strategy="random")


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
        noise = MaskNoise(torch.eye(2)[drawn : drawn + 1], torch.zeros(1, 6))
        mask = choose_mask(queries, keys, padding_mask, MaskingConfig(ratio=0.4, keys_per_query=3), noise)
        assert mask.hidden.nonzero()[:, 1].tolist() == expected


def test_only_the_drawn_queries_matter(projected):
    queries, keys, padding_mask, noise = projected
    count = query_count(20, GUIDED.ratio, GUIDED.keys_per_query, 6)
    drawn = torch.zeros(len(keys), 6, dtype=torch.bool).scatter(1, draw_queries(noise.queries, count), True)
    at = drawn[:, None, :, None]
    hidden = choose_mask(queries, keys, padding_mask, GUIDED, noise).hidden
    other_undrawn = torch.where(at, queries, torch.randn_like(queries))
    other_drawn = torch.where(at, -queries, queries)
    assert torch.equal(choose_mask(other_undrawn, keys, padding_mask, GUIDED, noise).hidden, hidden)
    assert not torch.equal(choose_mask(other_drawn, keys, padding_mask, GUIDED, noise).hidden, hidden)


def test_padding_is_never_hidden_when_all_importances_are_zero():
    padding_mask = batch()[1].flip(1)  # padding in front, where ties would go
    mask = choose(torch.zeros(padding_mask.shape), padding_mask, 0.5)
    assert not (mask.hidden & ~padding_mask).any()
    assert torch.equal(mask.hidden.sum(1), hidden_counts(padding_mask.sum(1), 0.5))


def test_padding_is_never_hidden_when_it_scores_best_and_the_rest_underflows():
    padding_mask = torch.tensor([[True, True, True, True, False, False]])
    scores = torch.tensor([0.0, -500.0, -500.0, -500.0, 900.0, 900.0]).expand(1, 2, 3, 6)
    ranking = importance(scores, padding_mask)
    assert ranking[0, 1:].eq(0).all()
    assert choose(ranking, padding_mask, 0.6).hidden.tolist() == [[True, True, False, False, False, False]]


@pytest.mark.parametrize("ratio", [0.01, 0.3, 0.5, 0.99])
def test_every_row_of_two_or_more_hides_one_and_shows_one(ratio):
    lengths = torch.arange(2, 60)
    counts = hidden_counts(lengths, ratio)
    assert (counts >= 1).all()
    assert (counts < lengths).all()


def test_rows_with_one_position_or_none_hide_nothing():
    padding_mask = torch.tensor([[True, False, False], [False, False, False]])
    for strategy in (GUIDED, RANDOM):
        queries, keys = torch.randn(2, 2, 6, 4), torch.randn(2, 2, 3, 4)
        mask = choose_mask(queries, keys, padding_mask, strategy, noise_for(padding_mask))
        assert not mask.hidden.any()
        assert not mask.valid.any()


def test_the_list_of_positions_and_the_picture_say_the_same(projected):
    mask = choose_mask(projected[0], projected[1], projected[2], GUIDED, projected[3])
    for hidden, positions, valid in zip(*mask, strict=True):
        assert sorted(positions[valid].tolist()) == hidden.nonzero().flatten().tolist()


def test_the_list_of_positions_is_long_enough_for_every_row():
    lengths = torch.arange(1, 1101)
    for percent in range(1, 100):
        ratio = percent / 100
        longest = torch.tensor([largest_hidden_count(length, ratio) for length in lengths.tolist()])
        counts = hidden_counts(lengths, ratio)
        assert (counts <= longest).all()
        assert (longest - counts.clamp(min=1) <= 1).all()


@pytest.mark.parametrize("masking", [GUIDED, RANDOM], ids=["guided", "random"])
def test_a_row_gets_the_same_mask_alone_and_in_a_batch(projected, masking):
    queries, keys, padding_mask, noise = projected
    together = choose_mask(queries, keys, padding_mask, masking, noise).hidden
    for row in range(len(keys)):
        one = slice(row, row + 1)
        own_noise = MaskNoise(noise.queries[one], noise.positions[one])
        alone = choose_mask(queries[one], keys[one], padding_mask[one], masking, own_noise).hidden
        assert torch.equal(alone, together[one])


@pytest.mark.parametrize("masking", [GUIDED, RANDOM], ids=["guided", "random"])
def test_more_padding_changes_nothing_when_as_many_queries_are_drawn(projected, masking):
    queries, keys, padding_mask, noise = projected
    longer = torch.nn.functional.pad(keys, (0, 0, 0, 1), value=5.0)
    assert query_count(20, masking.ratio, 3, 6) == query_count(21, masking.ratio, 3, 6)
    more = torch.nn.functional.pad(padding_mask, (0, 1))
    more_noise = MaskNoise(noise.queries, torch.nn.functional.pad(noise.positions, (0, 1), value=1.0))
    before = choose_mask(queries, keys, padding_mask, masking, noise).hidden
    after = choose_mask(queries, longer, more, masking, more_noise).hidden
    assert torch.equal(after[:, :20], before)
    assert not after[:, 20].any()


def test_ties_are_broken_alike_whatever_the_padding():
    for padded in (8, 64, 500):
        padding_mask = torch.arange(padded)[None] < 8
        mask = choose(torch.zeros(1, padded), padding_mask, 0.5)
        assert mask.hidden.nonzero()[:, 1].tolist() == [0, 1, 2, 3]


def test_random_choice_is_uniform_over_real_positions_and_blind_to_attention():
    rows, length, real = 4000, 12, 10
    padding_mask = (torch.arange(length) < real).expand(rows, -1)
    noise = noise_for(padding_mask)
    queries, keys = torch.randn(rows, 1, 6, 2), torch.randn(rows, 1, length, 2)
    hidden = choose_mask(queries, keys, padding_mask, RANDOM, noise).hidden
    share = hidden.float().mean(0)
    assert share[real:].eq(0).all()
    assert (share[:real] - 0.3).abs().max() < 0.04  # standard error 0.007
    assert torch.equal(choose_mask(-queries, keys, padding_mask, RANDOM, noise).hidden, hidden)


def test_queries_are_drawn_uniformly_and_without_repetition():
    drawn = draw_queries(noise_for(torch.ones(4000, 1)).queries, 2)
    assert (drawn[:, 0] != drawn[:, 1]).all()
    share = torch.bincount(drawn.flatten(), minlength=6) / 4000
    assert (share - 2 / 6).abs().max() < 0.04


@pytest.mark.parametrize(
    ("length", "keys_per_query", "expected"), [(100, 8.0, 4), (4, 8.0, 1), (1000, 1.0, 128), (100, 12.0, 2)]
)
def test_query_count_rounds_half_to_even_and_stays_between_one_and_all(length, keys_per_query, expected):
    assert query_count(length, 0.3, keys_per_query, 128) == expected


def test_equal_generators_give_equal_noise_and_unequal_ones_do_not():
    first, again, other = (draw_noise(3, 6, 20, torch.Generator().manual_seed(seed), "cpu") for seed in (7, 7, 8))
    assert torch.equal(first.queries, again.queries)
    assert torch.equal(first.positions, again.positions)
    assert not torch.equal(first.queries, other.queries)
    assert not torch.equal(first.positions, other.positions)
    assert first.queries.shape == (3, 6)
    assert first.positions.shape == (3, 20)


def test_scores_are_summed_in_float32_under_autocast(projected):
    queries, keys, _, noise = projected
    queries, keys = queries.bfloat16(), keys.bfloat16()
    drawn = draw_queries(noise.queries, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = query_scores(queries, keys, drawn)
    exact = query_scores(queries.double(), keys.double(), drawn)
    assert scores.dtype == torch.float32
    assert (scores - exact).abs().max() < 1e-5


def test_choosing_records_nothing_for_the_backward_pass(projected, monkeypatch):
    queries, keys, padding_mask, noise = projected
    recorded = []

    def spied(scores, padding_mask):
        recorded.append(scores.requires_grad)
        return importance(scores, padding_mask)

    monkeypatch.setattr(masking_module, "importance", spied)
    choose_mask(queries.clone().requires_grad_(), keys, padding_mask, GUIDED, noise)
    assert recorded == [False]


def test_scores_of_drawn_queries_are_those_of_full_attention(projected):
    queries, keys, _, noise = projected
    drawn = draw_queries(noise.queries, 3)
    full = queries @ keys.transpose(-2, -1) / 4**0.5
    for row in range(len(keys)):
        assert torch.allclose(query_scores(queries, keys, drawn)[row], full[row][:, drawn[row]], atol=1e-6)
