"""Counts, importances and masks against what the authors' masking function gave."""

import json

import pytest
import torch
from safetensors.torch import load_file

from sma_core.nn.masking import choose, hidden_counts, importance, query_count
from tests.parity.official import FIXTURES, assert_as_recorded

INDEX = json.loads((FIXTURES / "masking" / "index.json").read_text())
COUNTS = load_file(FIXTURES / "masking" / "counts.safetensors")
RATIOS = [0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75]


@pytest.mark.parametrize("name", sorted(INDEX))
def test_importance_and_mask_agree_for_the_recorded_draws(name):
    recorded, settings = load_file(FIXTURES / "masking" / f"{name}.safetensors"), INDEX[name]
    real = recorded["attention_mask"].bool()
    for row in range(settings["B"]):
        one = slice(row, row + 1)
        drawn = recorded["chosen_queries"][row]
        scores = recorded["attentions"][one, :, drawn[drawn >= 0]]  # -1 fills the rows that drew fewer
        ranking = importance(scores, real[one])
        assert_as_recorded(ranking, recorded["query_sum"][one], f"{name} row {row}")
        mask = choose(ranking, real[one], settings["masking_ratio"])
        assert torch.equal(mask.hidden, recorded["masked"][one])


def test_a_whole_batch_gives_the_recorded_mask_at_once():
    recorded = load_file(FIXTURES / "masking" / "cross_varying.safetensors")
    real, drawn = recorded["attention_mask"].bool(), recorded["chosen_queries"]
    scores = recorded["attentions"].take_along_dim(drawn[:, None, :, None], dim=2)
    mask = choose(importance(scores, real), real, INDEX["cross_varying"]["masking_ratio"])
    assert torch.equal(mask.hidden, recorded["masked"])


@pytest.mark.parametrize("ratio", RATIOS)
def test_hidden_counts_are_the_recorded_ones_between_one_and_all_but_one(ratio):
    lengths = torch.arange(1101)
    recorded = COUNTS[f"varying_tokens_{ratio}"].long()
    expected = torch.minimum(recorded.clamp(min=1), (lengths - 1).clamp(min=0))
    assert torch.equal(hidden_counts(lengths, ratio), expected)
    assert torch.equal(hidden_counts(lengths[8:], ratio), recorded[8:])  # where the limits do not bind


@pytest.mark.parametrize("ratio", RATIOS)
def test_query_counts_are_the_recorded_ones_but_never_zero(ratio):
    recorded = COUNTS[f"fixed_queries_{ratio}_per3"].tolist()
    ours = [query_count(length, ratio, 3, latents=10_000) for length in range(1, 1101)]
    assert ours == [max(count, 1) for count in recorded[1:]]
