"""Score whole rows: every position is hidden once, and reconstructed from the others.

The positions of a row are divided at random into groups, of which one is hidden in each pass, so that a pass hides
about as large a share of the row as training did. The division depends on the row's number and the seed only. For
ids the mean over the positions is a pseudo-log-likelihood (Salazar et al. 2020) per position.

Letters: m usable rows, B rows of a batch, N padded length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.data.batching.batches import Batch
from sma_core.data.batching.hashing import shuffled
from sma_core.feeds.rows import RowChunk
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.masking import may_be_hidden
from sma_view.score.hidden import mask_of, similarities

FEWEST_PASSES = 2
ONE_POSITION = "one position, which nothing is left to reconstruct from"


def usual_passes(ratio: float) -> int:
    """Return the number of passes of which each hides about the share ``ratio`` of a row."""
    return max(FEWEST_PASSES, math.ceil(1.0 / ratio - 1e-9))


@dataclass(frozen=True)
class RowScores:
    """The mean of `similarities` over the positions of each usable row (m,), NaN if none; their number (m,)."""

    means: NDArray[np.float64]
    positions: NDArray[np.int64]


def score_rows(run: LoadedRun, chunk: RowChunk, passes: int, seed: int, batch_tokens: int) -> RowScores:
    """Score the usable rows of a chunk; the last id of a text, its separator, is neither hidden nor scored."""
    numbers = np.array(chunk.numbers)[chunk.usable]
    sums, counts = np.zeros(len(numbers)), np.zeros(len(numbers), dtype=np.int64)
    for places, batch in run.batches(chunk, batch_tokens):
        candidates = scored_positions(batch)
        groups = _groups(candidates, numbers[places].tolist(), passes, seed).to(candidates.device)
        for number in range(passes):
            hidden = candidates & (groups == number)
            if not bool(hidden.any()):
                continue
            mask = mask_of(hidden)
            similar = similarities(run, batch, mask).masked_fill(~mask.valid, 0.0)
            sums[places] += similar.double().sum(dim=1).cpu().numpy()
            counts[places] += mask.valid.sum(dim=1).cpu().numpy()
    alone = counts == 1 if run.feed.columns else np.zeros(len(counts), dtype=bool)
    means = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=(counts > 0) & ~alone)
    return RowScores(means, counts)


def scored_positions(batch: Batch) -> Tensor:
    """Return the positions ``(B, N)`` that are scored: those with a value, of texts without the separator."""
    candidates = may_be_hidden(batch.inputs, batch.padding_mask)
    if batch.inputs.dim() == 3:
        return candidates
    last = batch.padding_mask.sum(dim=1, keepdim=True) - 1  # (B, 1)
    return candidates & (torch.arange(candidates.shape[1], device=candidates.device) != last)


def _groups(candidates: Tensor, numbers: list[int], passes: int, seed: int) -> Tensor:
    """Return the group ``(B, N)`` of each candidate, -1 elsewhere; ``numbers`` are those of the rows."""
    groups = torch.full(candidates.shape, -1, dtype=torch.int64)
    for row, number in enumerate(numbers):
        places = candidates[row].nonzero().flatten().cpu()
        order = torch.from_numpy(shuffled(len(places), seed, number))
        groups[row, places[order]] = torch.arange(len(places)) % passes
    return groups
