"""Hide given positions of a batch, and tell how well a model reconstructs them.

Shapes: B rows, N padded length, K largest number of hidden positions of a row, V vocabulary size, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sma_core.data.batching.batches import Batch
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.masking import Mask
from sma_core.nn.model import SMA


def mask_of(hidden: Tensor) -> Mask:
    """Return the mask that hides the positions ``hidden`` ``(B, N)`` bool, all of which are reconstructed."""
    most = max(int(hidden.sum(dim=1).max()), 1)
    positions = hidden.to(torch.int8).argsort(dim=1, descending=True, stable=True)[:, :most]  # (B, K)
    return Mask(hidden, positions, hidden.gather(1, positions))


def log_probabilities(run: LoadedRun, batch: Batch, mask: Mask) -> Tensor:
    """Return the natural logarithms of the probabilities of all ids at ``mask.positions``: ``(B, K, V)``."""
    return functional.log_softmax(_outputs(run, batch, mask).float(), dim=2)


def similarities(run: LoadedRun, batch: Batch, mask: Mask) -> Tensor:
    """Return how well each position of ``mask.positions`` is reconstructed, ``(B, K)``: the higher, the better.

    For ids the natural logarithm of the probability of the true one; for numbers the negative mean squared error
    over the known channels, in standard deviations of the training rows. Undefined where ``mask.valid`` is False.
    """
    if batch.inputs.dim() == 2:
        true = batch.inputs.long().gather(1, mask.positions)  # (B, K)
        return log_probabilities(run, batch, mask).gather(2, true[:, :, None])[:, :, 0]
    module = _network(run)
    missing = batch.inputs.isnan()
    places = mask.positions[:, :, None]
    targets = module.target_scale(batch.inputs.masked_fill(missing, 0.0)).take_along_dim(
        places, dim=1
    )  # (B, K, C)
    known = ~missing.take_along_dim(places, dim=1)
    errors = (_outputs(run, batch, mask).float() - targets).square().masked_fill(~known, 0.0)
    means: Tensor = errors.sum(dim=2) / known.sum(dim=2).clamp(min=1)
    return -means


def _outputs(run: LoadedRun, batch: Batch, mask: Mask) -> Tensor:
    with run.computing():
        return _network(run).reconstructed(batch.inputs, batch.padding_mask, mask)


def _network(run: LoadedRun) -> SMA:
    assert isinstance(run.module, SMA), "the run is pre-trained"
    return run.module
