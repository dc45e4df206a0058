"""Counts, rankings and masks against what the authors' masking function gave."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from sma_authors.recorded_masks import check_masks
from sma_core.config.masking import MaskingConfig
from sma_core.nn.guidance.counts import hidden_counts, query_count

from .cases import FIXTURES, failures

MASKS = FIXTURES / "masking"
COUNTS = load_file(MASKS / "counts.safetensors")
RATIOS = [0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75]
EXPLAINED = {"cross_varying_zero_queries", "cross_varying_Q_equals_N"}
"""Cases in which theirs does what ours rightly does not: see their notes in index.json."""


def test_every_recorded_mask_ranking_count_and_schedule_agrees():
    verdicts = check_masks(MASKS)
    assert failures(verdicts) == set()
    assert {verdict.case for verdict in verdicts if verdict.verdict == "left out"} == EXPLAINED
    assert {verdict.case for verdict in verdicts} == {
        *json.loads((MASKS / "index.json").read_text()),
        "counts",
        "schedule",
    }


@pytest.mark.parametrize(
    ("file", "tensor", "case"),
    [
        ("cross_varying", "masked", "masked"),
        ("self_varying_schedule_0.5", "masked", "masked"),
        ("cross_varying_random_mix", "query_sum", "query_sum"),
        ("counts", "varying_tokens_0.3", "varying_tokens_0.3"),
        ("schedule", "cosine_100", "cosine_100"),
    ],
)
def test_each_kind_of_difference_is_found(tmp_path, file, tensor, case):
    folder = shutil.copytree(MASKS, tmp_path / "masking")
    tensors = load_file(folder / f"{file}.safetensors")
    tensors[tensor] = tensors[tensor].flip(-1).contiguous()
    save_file(tensors, folder / f"{file}.safetensors")
    assert failures(check_masks(folder)) == {case}


@pytest.mark.parametrize("ratio", RATIOS)
def test_hidden_counts_are_the_recorded_ones_between_one_and_all_but_one(ratio):
    lengths = torch.arange(1101)
    recorded = COUNTS[f"varying_tokens_{ratio}"].long()
    expected = torch.minimum(recorded.clamp(min=1), (lengths - 1).clamp(min=0))
    ours = hidden_counts(lengths, 1101, MaskingConfig(ratio=ratio))
    assert torch.equal(ours, expected)
    assert torch.equal(ours[8:], recorded[8:])  # where the limits do not bind


@pytest.mark.parametrize("ratio", RATIOS)
def test_query_counts_are_the_recorded_ones_but_never_zero(ratio):
    recorded = COUNTS[f"fixed_queries_{ratio}_per3"].tolist()
    ours = [query_count(length, ratio, 3, queries=10_000) for length in range(1, 1101)]
    assert ours == [max(count, 1) for count in recorded[1:]]
