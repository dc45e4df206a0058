import pytest
import torch

from sma_core.config.masking import MaskingConfig
from sma_core.nn.guidance.measures import entropy, measure_mask, top_key_overlap
from tests.nn.small import batch, noise_for, small_model

MASKING = MaskingConfig(ratio=0.5, keys_per_query=2)


def overlap(*top: list[int], length: int = 8) -> float:
    """Overlap of queries that attend to the given positions most, in one row."""
    attention = torch.zeros(1, len(top), length)
    for query, positions in enumerate(top):
        attention[0, query, positions] = 1.0
    valid = torch.ones(1, len(top), dtype=torch.bool)
    return top_key_overlap(attention, valid, torch.ones(1, length, dtype=torch.bool), MASKING).item()


def test_overlap_is_the_mean_share_that_two_queries_top_keys_have_in_common():
    assert overlap([0, 1, 2, 3], [0, 1, 2, 3]) == 1.0
    assert overlap([0, 1, 2, 3], [4, 5, 6, 7]) == 0.0
    assert overlap([0, 1, 2, 3], [2, 3, 4, 5]) == 0.5
    assert overlap([0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7]) == pytest.approx(1 / 3)


def test_overlap_of_one_query_is_not_defined():
    assert overlap([0, 1, 2, 3]) != overlap([0, 1, 2, 3])  # NaN


def test_overlap_leaves_out_entries_that_were_not_drawn():
    attention = torch.rand(1, 3, 8)
    real = torch.ones(1, 8, dtype=torch.bool)
    two = top_key_overlap(attention[:, :2], torch.ones(1, 2, dtype=torch.bool), real, MASKING)
    three = top_key_overlap(attention, torch.tensor([[True, True, False]]), real, MASKING)
    assert torch.equal(two, three)


def test_entropy_is_one_for_uniform_importance_and_zero_for_a_single_peak():
    real = torch.tensor([[True] * 6, [True] * 4 + [False] * 2, [True] + [False] * 5])
    uniform = real.float()
    peak = torch.zeros(3, 6).index_fill(1, torch.tensor([0]), 1.0)
    assert torch.allclose(entropy(uniform, real)[:2], torch.ones(2))
    assert entropy(peak, real)[:2].tolist() == [0.0, 0.0]
    assert entropy(uniform, real)[2].isnan()


def test_change_is_nothing_for_one_draw_and_what_chance_gives_for_random_masks():
    model, (inputs, padding_mask) = small_model(), batch([20] * 400)
    noise = noise_for(padding_mask)
    same = measure_mask(model, inputs, padding_mask, MASKING, (noise, noise))
    assert same.change.tolist() == [0.0] * 400
    random = MASKING.model_copy(update={"strategy": "random"})
    different = measure_mask(model, inputs, padding_mask, random, (noise, noise_for(padding_mask, seed=1)))
    assert abs(different.change.mean() - 0.5) < 0.03  # standard error 0.006


def test_measures_are_shares_and_not_defined_for_rows_of_one_position():
    model, (inputs, padding_mask) = small_model(), batch()
    noises = (noise_for(padding_mask), noise_for(padding_mask, seed=1))
    measures = measure_mask(model, inputs, padding_mask, MASKING, noises)
    single = padding_mask.sum(1) == 1
    for values in measures:
        assert values[single].isnan().all()
        assert ((values[~single] >= 0) & (values[~single] <= 1 + 1e-6)).all()
