"""Features that probes are fitted on: one vector per row, or one per labelled position.

The features of a row are the mean of its latents. Those of a position are its latent where the encoder has one per
input (self-attention), else the decoder's hidden state at the position, without masking. They are the vectors of
`sma embed` with the pooling ``mean`` and ``inputs``.

Letters: n rows or positions, B rows of a batch, N padded length, D features, T targets.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from sma_bench.probe_models import FeatureSet
from sma_core.data.batching.batches import Batch
from sma_core.errors import UserError
from sma_core.evaluation.splits import Part
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.models.vectors import check_layer, latents_of
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA, Predictor

ROWS_IN_BLOCK = 4096
"""Number of rows batched at a time."""
MOST_POSITIONS = 20_000
"""Expected number of labelled positions that are drawn for training, and for validation; the test has all."""


def row_features(
    module: SMA | Predictor, rows: LabelledRows, part: Part, layer: int, batch_size: int
) -> FeatureSet:
    """Encode the rows of a part: features (n, D) and labels (n, T), in the part's order."""
    indices = rows.parts[part]
    places = np.zeros(len(rows.store), dtype=np.int64)
    places[indices] = np.arange(len(indices))
    vectors, owners = [], []
    for batch in _batches(module, rows, part, batch_size):
        with torch.inference_mode():
            vectors.append(mean_latents(latents_of(module, batch, layer)).double().cpu().numpy())  # (B, D)
        owners.append(places[batch.rows])
    features = np.empty((len(indices), vectors[0].shape[1]))
    features[np.concatenate(owners)] = np.concatenate(vectors)
    return FeatureSet(features, rows.labels(part))


def position_features(
    module: SMA | Predictor, rows: LabelledRows, part: Part, layer: int, batch_size: int, seed: int
) -> FeatureSet:
    """Encode labelled positions of a part: features (n, D) and classes (n, 1), in the order of batches.

    Of training and validation, some 20,000 positions are drawn from all rows with ``seed``; the test has all.
    """
    known = int((~np.isnan(rows.known_symbols(part))).sum())
    share = 1.0 if part == "test" else min(1.0, MOST_POSITIONS / max(known, 1))
    features, labels = [], []
    for batch in _batches(module, rows, part, batch_size):
        assert batch.labels is not None, "rows have labels"
        classes = batch.labels.cpu().numpy()  # (B, N), or (B, L) of characters
        wanted = ~np.isnan(classes)
        for row, number in enumerate(batch.rows.tolist()):
            wanted[row] &= np.random.default_rng([seed, number]).random(classes.shape[1]) < share
        states = batch.at_labels(_states(module, batch, layer)).float().cpu().numpy()  # (B, N, D) or (B, L, D)
        features.append(states[wanted])  # (positions, D)
        labels.append(classes[wanted])
    return FeatureSet(
        np.concatenate(features).astype(np.float64), np.concatenate(labels)[:, None].astype(np.float64)
    )


def check_position_layer(module: SMA | Predictor, layer: int | None, owner: str) -> int:
    """Return the number of layers to apply; raises `UserError` when positions have no vectors after it."""
    if layer is not None and not module.encoder.of_inputs:
        raise UserError(
            f"features of positions come from the decoder of {owner}, which reads only the last layer: omit "
            "`layer`"
        )
    return check_layer(module, layer, owner)


@torch.inference_mode()
def _states(module: SMA | Predictor, batch: Batch, layer: int) -> Tensor:
    """Return a vector for every position (B, N, D); vectors at padding are undefined."""
    if module.encoder.of_inputs:
        return latents_of(module, batch, layer).values
    assert isinstance(module, SMA), "a probe looks at a pre-trained run"
    return module.hidden_states(batch.inputs, batch.padding_mask)


def _batches(module: SMA | Predictor, rows: LabelledRows, part: Part, batch_size: int) -> Iterator[Batch]:
    """Yield the part's rows in batches, on the device of ``module``."""
    device, indices = next(module.parameters()).device, rows.parts[part]
    for start in range(0, len(indices), ROWS_IN_BLOCK):
        block = indices[start : start + ROWS_IN_BLOCK]
        for batch in rows.feed.fixed_batches(rows.store, block, batch_size, rows.max_length):
            yield batch.to(device)
