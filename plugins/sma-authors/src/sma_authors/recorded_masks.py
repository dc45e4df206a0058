"""Parity of masking: compute ranking, mask and counts from recorded attention and random draws.

A folder has ``index.json`` (case -> arguments), one safetensors file per case and, optionally,
``counts.safetensors`` and ``schedule.safetensors``. The format is documented in
plugins/sma-authors/tests/parity/fixtures.

Shapes: B batch size, H heads, Q queries, N padded length, n drawn queries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sma_authors.comparison import Verdict, compare, compare_exactly, left_out
from sma_core.config.masking import MaskingConfig
from sma_core.documents import read_document
from sma_core.errors import CheckpointError
from sma_core.nn.guidance.counts import query_count, randomness_at, row_query_counts, wanted
from sma_core.nn.masking import Draw, MaskNoise, attention_of, hide, importance

_QUERIES = re.compile(r"(fixed|self)_queries_([\d.]+)_per([\d.]+)")
_TOKENS = re.compile(r"(fixed|varying)_tokens_([\d.]+)")
_SCHEDULE = re.compile(r"cosine_(\d+)(?:_of_(\d+))?")


def check_masks(folder: Path) -> list[Verdict]:
    """Compare every case of a folder; raise `CheckpointError` if a file is missing or damaged."""
    try:
        index: dict[str, dict[str, Any]] = json.loads(read_document(folder / "index.json"))
        verdicts = []
        for name, facts in index.items():
            verdicts += _check_case(name, facts, load_file(folder / f"{name}.safetensors"))
        for part, check in (("counts", _check_counts), ("schedule", _check_schedule)):
            path = folder / f"{part}.safetensors"
            if path.is_file():
                verdicts += check(load_file(path))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise CheckpointError(f"{folder} cannot be read as recorded masks: {error}") from error
    return verdicts


def masking_of(facts: Mapping[str, Any]) -> MaskingConfig:
    """Return our masking settings for the arguments of a case."""
    start, varying = facts["select_initial_ratio"], facts["varying_length"]
    annealed = start is not None and facts["noise_scale"] > 0
    return MaskingConfig(
        ratio=facts["masking_ratio"],
        keys_per_query=facts["num_per_query"],
        head_aggregation=facts["head_aggregation"],
        mask_self=facts["mask_self"],
        varying_length=varying,
        anneal=("mix" if varying else "candidates") if annealed else None,
        anneal_start=start if annealed else 1.0,
    )


def _check_case(name: str, facts: Mapping[str, Any], recorded: dict[str, Tensor]) -> list[Verdict]:
    masking, real, chosen = masking_of(facts), recorded["attention_mask"] > 0, recorded["chosen_queries"].long()
    scores, heads = recorded["attentions"], recorded["attentions"].shape[1]
    if not (chosen >= 0).any():
        return [
            left_out(name, "masked", "the recording drew no query, so all positions tie; ours draws at least one")
        ]
    heads_by_query = recorded.get("random_mix_heads")
    draw = Draw(chosen.clamp(min=0), chosen >= 0, None)
    if heads_by_query is not None:
        draw = draw._replace(heads=heads_by_query.long().gather(1, draw.queries))
    of_drawn = scores.take_along_dim(draw.queries[:, None, :, None], dim=2)  # (B, H, n, N)
    ranking = importance(attention_of(of_drawn, real, draw.heads), draw, heads, masking.mask_self)
    verdicts = [compare(name, "query_sum", ranking, recorded["query_sum"])]
    hidden = hide(ranking, real, masking, _noise(masking, facts, recorded, real, ranking)).hidden
    verdicts.append(_compare_masks(name, hidden, recorded["masked"] > 0, real))
    return [*verdicts, *_compare_drawn(name, facts, masking, real, chosen)]


def _compare_masks(name: str, hidden: Tensor, recorded: Tensor, real: Tensor) -> Verdict:
    """Compare hidden positions ``(B, N)``, except in rows where the recording hides none or all."""
    counts = recorded.sum(dim=1)
    comparable = (counts > 0) & (counts < real.sum(dim=1))
    note = (
        ""
        if comparable.all()
        else f"{int((~comparable).sum())} rows left out: ours hides and shows at least one position"
    )
    return compare_exactly(name, "masked", hidden[comparable], recorded[comparable], note)


def _compare_drawn(
    name: str, facts: Mapping[str, Any], masking: MaskingConfig, real: Tensor, chosen: Tensor
) -> Iterator[Verdict]:
    of_inputs, (queries, length) = facts["treated_as_self_attention"], (facts["Q"], facts["N"])
    if of_inputs and name.startswith("cross"):
        yield left_out(
            name, "chosen_queries (count)", "the authors' code treats this cross-attention as self-attention"
        )
        return
    ours = row_query_counts(real.sum(dim=1), length, queries, masking, of_inputs)
    yield compare_exactly(name, "chosen_queries (count)", ours, (chosen >= 0).sum(dim=1))


def _noise(
    masking: MaskingConfig, facts: Mapping[str, Any], recorded: Mapping[str, Tensor], real: Tensor, ranking: Tensor
) -> MaskNoise:
    """Return position noise ``(B, N)`` that ranks the random part in the order of the recorded permutation."""
    noise = torch.zeros_like(ranking)
    if masking.anneal is not None:
        for row, permutation in enumerate(recorded["second_permutations"].long()):
            if masking.anneal == "mix":
                pool = (real[row] & ~(recorded["guided_part"][row] > 0)).nonzero().flatten()
            else:
                pool = recorded["candidates_in_order"][row].long()
            taken = pool[permutation[permutation >= 0]]
            noise[row, taken] = torch.linspace(0.9, 0.1, len(taken))
    scale = torch.tensor(float(facts["noise_scale"]), dtype=torch.float64)
    return MaskNoise(noise, noise, noise, scale)


def _check_counts(recorded: dict[str, Tensor]) -> list[Verdict]:
    """Compare the numbers of hidden positions and drawn queries for every length; ours draws at least one."""
    verdicts = []
    for name, counts in recorded.items():
        lengths, expected = torch.arange(len(counts)), counts.long()
        if match := _TOKENS.fullmatch(name):
            ratio, varying = float(match[2]), match[1] == "varying"
            if varying:
                ours = wanted(lengths, 0, ratio, True)
            else:
                ours = torch.tensor([int(wanted(lengths[:1], n, ratio, False)) for n in range(len(counts))])
        elif match := _QUERIES.fullmatch(name):
            ratio, keys = float(match[2]), float(match[3])
            expected = expected.clamp(min=1)
            if match[1] == "fixed":
                ours = torch.tensor([query_count(n, ratio, keys, 1 << 30) for n in range(len(counts))])
            else:
                masking = MaskingConfig(ratio=ratio, keys_per_query=keys)
                ours = row_query_counts(lengths, 0, 0, masking, of_inputs=True)
                ours, expected = ours[1:], expected[1:]
        else:
            verdicts.append(left_out("counts", name, "not computed by this program"))
            continue
        verdicts.append(compare_exactly("counts", name, ours, expected))
    return verdicts


def _check_schedule(recorded: dict[str, Tensor]) -> list[Verdict]:
    verdicts = []
    for name, scales in recorded.items():
        if not (match := _SCHEDULE.fullmatch(name)):
            verdicts.append(left_out("schedule", name, "not computed by this program"))
            continue
        steps = int(match[2] or match[1])
        masking = MaskingConfig(anneal="mix", anneal_over=int(match[1]) / steps)
        ours = torch.tensor([randomness_at(step, steps, masking) for step in range(len(scales))])
        verdicts.append(compare("schedule", name, ours, scales))
    return verdicts
