"""Gradient x input and integrated gradients (Sundararajan et al. 2017, by Captum), on the vectors of inputs.

The baseline of an input is what the model reads of one that is not there: for ids the vector of the tokenizer's
mask id, or zeros if it has none; for numbers that of a missing number. Both methods multiply gradients by the
difference between the input's vector and the baseline's.

Letters: B rows, N padded length, C channels, E embedding width.
"""

from __future__ import annotations

import math
from importlib.util import find_spec

import torch
from torch import Tensor

from sma_core.errors import UserError
from sma_core.feeds.text import TextFeed
from sma_core.nn.embedding import ValueEmbedding
from sma_view.explain.asker import Asked, Asker


def require_captum() -> None:
    """Raise `UserError` if Captum is not installed."""
    if find_spec("captum") is None:
        raise UserError("integrated gradients need Captum: pip install 'sma-view[captum]'")


def gradient(asker: Asker, asked: Asked) -> Tensor:
    """Return gradient times input, less the baseline: (B, N), or (B, N, C) for sequences of several channels."""
    vectors = asker.module.embed.vectors(asked.inputs).detach().requires_grad_()
    with torch.enable_grad():
        scores = _scores(asker, vectors, asked.padding_mask, asked.labels)
        (slopes,) = torch.autograd.grad(scores.sum(), vectors)
    return _contributions(asker, asked, slopes)


def integrated_gradients(asker: Asker, asked: Asked, steps: int) -> tuple[Tensor, Tensor]:
    """Return values as `gradient` does, with gradients averaged on the way from the baseline to the input.

    The second tensor (B,) is the completeness gap: the change of the prediction from the baseline to the input,
    less the sum of the values; it is 0 for an infinite number of ``steps``.
    """
    from captum.attr import IntegratedGradients

    vectors = asker.module.embed.vectors(asked.inputs).detach()
    start = torch.where(asked.explained[:, :, None], _baseline(asker, asked), vectors).detach()

    def scores(points: Tensor, padding_mask: Tensor, labels: Tensor) -> Tensor:
        return _scores(asker, points, padding_mask, labels)

    with torch.enable_grad():
        slopes = IntegratedGradients(scores, multiply_by_inputs=False).attribute(
            vectors,
            baselines=start,
            additional_forward_args=(asked.padding_mask, asked.labels),
            n_steps=steps,
            internal_batch_size=len(asked) * max(1, asker.passes(asked) // len(asked)),
        )
    with torch.no_grad():
        change = asked.predictions - _scores(asker, start, asked.padding_mask, asked.labels)
    values = _contributions(asker, asked, slopes.to(vectors.dtype))
    return values, change - values.flatten(1).sum(dim=1)


def _scores(asker: Asker, vectors: Tensor, padding_mask: Tensor, labels: Tensor) -> Tensor:
    return asker.question.scores(asker.module.from_vectors(vectors, padding_mask), labels)


def _baseline(asker: Asker, asked: Asked) -> Tensor:
    """Return the baseline's vector for every input (B, N, E), or one that broadcasts to it."""
    embed = asker.module.embed
    if isinstance(embed, ValueEmbedding):
        return embed.vectors(torch.full_like(asked.inputs, math.nan))
    assert isinstance(asker.run.feed, TextFeed), "ids come from a tokenizer"
    mask_id = asker.run.feed.tokenizer.mask_id
    if mask_id is None:
        return torch.zeros(1, 1, embed.tokens.embedding_dim, device=asked.inputs.device)
    return embed.vectors(torch.full_like(asked.inputs, mask_id))


@torch.no_grad()
def _contributions(asker: Asker, asked: Asked, slopes: Tensor) -> Tensor:
    """Multiply gradients (B, N, E) by what each input, or each channel of it, adds to the baseline's vector."""
    embed, inputs = asker.module.embed, asked.inputs
    if not isinstance(embed, ValueEmbedding):
        difference = embed.vectors(inputs) - _baseline(asker, asked)
        return (slopes * difference).sum(dim=2).masked_fill(~asked.explained, 0.0)
    known = ~inputs.isnan()  # (B, N, C)
    values = (slopes @ embed.projection.weight) * inputs.nan_to_num(0.0)
    if embed.missing is not None:
        values = values - slopes @ embed.missing.T
    values = values.masked_fill(~(known & asked.explained[:, :, None]), 0.0)
    return values if values.shape[2] > 1 else values[:, :, 0]
