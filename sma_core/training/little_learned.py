"""Compare a held-out loss with what needs no network: the frequencies of symbols, or the mean of numbers.

Letters: B inputs in a batch, N padded length.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

from sma_core.data.batching.batches import Batch

SMALLEST_GAIN = 0.01
"""Share by which the loss must be below that of the simple guess."""


def frequency_loss(training: Iterable[Batch], held_out: Iterable[Batch]) -> float | None:
    """Return the mean loss over held-out ids when each is guessed by its frequency in ``training`` batches.

    Each id of the held-out batches counts as seen once more, so that the loss is finite. None for numbers.
    """
    counts = _counts(training)
    wanted = _counts(held_out)
    if counts is None or wanted is None or not wanted.sum():
        return None
    size = max(len(counts), len(wanted))
    counts, wanted = (torch.nn.functional.pad(each, (0, size - len(each))) for each in (counts, wanted))
    seen = counts + (wanted > 0)
    logarithms = torch.log(seen / seen.sum()).masked_fill(wanted == 0, 0.0)
    return float(-(wanted * logarithms).sum() / wanted.sum())


def _counts(batches: Iterable[Batch]) -> torch.Tensor | None:
    """Return how often each id occurs, (largest id + 1,) float64; None for numbers."""
    total = torch.zeros(0, dtype=torch.float64)
    for batch in batches:
        if batch.inputs.is_floating_point():
            return None
        own = torch.bincount(batch.inputs[batch.padding_mask]).double()  # (B, N) -> (ids,) -> counts
        longest = max(len(own), len(total))
        total, own = (torch.nn.functional.pad(each, (0, longest - len(each))) for each in (total, own))
        total += own
    return total


def little_learned(loss: float, first: float, frequency: float | None) -> list[str]:
    """Return a sentence if the held-out loss is hardly below that of a simple guess.

    ``first`` is the loss before the first step; for numbers, when the network predicts about the mean.
    ``frequency`` is that of `frequency_loss`.
    """
    simple = first if frequency is None else frequency
    if math.isnan(loss) or math.isnan(simple) or loss < (1.0 - SMALLEST_GAIN) * simple:
        return []
    guess = "of the untrained network" if frequency is None else "that the frequencies of symbols alone give"
    return [
        f"the held-out loss under random masks, {loss:.4g}, is not 1 % below the {simple:.4g} {guess}: the model "
        "has learned little about how inputs depend on each other; train for more steps, with more rows, or with "
        "another training.learning_rate"
    ]
