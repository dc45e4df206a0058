"""The base of all encoders: a first layer that reads the inputs, then a trunk (paper, section 3).

The first layer is split into `project` and `enter`, because the mask is chosen in between from the projected
queries and keys. Drop the projections before calling `trunk`: they need more memory than any trunk layer (see
`sma_core.nn.model`).

Shapes: B batch, N padded length, E embedding width, M latents, D latent width, L output length of the encoder (M
latents, or the visible tokens).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, LayerSettings, Projected, SelfAttentionLayer
from sma_core.nn.recomputed import recomputed

EncoderFactory = Callable[[ModelConfig], "Encoder"]
"""Builds an encoder whose parameters are initialised (`sma_core.nn.parameters.initialise`)."""


class Latents(NamedTuple):
    """Output of an encoder: ``values`` ``(B, L, D)`` and ``real`` ``(B, L)`` bool, None if all are real."""

    values: Tensor
    real: Tensor | None


class Encoder(nn.Module):
    """Base of encoders: a first layer that reads the inputs, and a trunk of self-attention layers.

    Guided masks are chosen from the first layer's queries and keys, or from the layers that `passes` yields.
    """

    of_inputs: bool
    """Whether the first layer's queries are the inputs themselves."""
    activation_checkpointing = False
    """Whether training stores only the inputs of each attention layer and recomputes the rest in backward."""

    def __init__(self, config: ModelConfig, first: CrossAttentionLayer) -> None:
        super().__init__()
        self.first = first
        self.layers = nn.ModuleList(SelfAttentionLayer(trunk_settings(config)) for _ in range(config.layers))
        self.blocks = config.blocks

    def queries(self, embedded: Tensor) -> Tensor:
        """Return the first layer's queries before their LayerNorm, ``(M, D)`` or ``(B, N, D)``."""
        raise NotImplementedError

    def query_count(self, length: int) -> int:
        """Return the number of queries for padded length N."""
        raise NotImplementedError

    def project(self, embedded: Tensor) -> Projected:
        """Project queries and inputs ``(B, N, E)`` for the first attention."""
        return self.first.project(self.queries(embedded), embedded)

    def enter(
        self, projected: Projected, embedded: Tensor, visible: Tensor, most_visible: int | None = None
    ) -> Latents:
        """Apply the first layer, attending to the ``visible`` inputs, ``(B, N)`` bool.

        ``most_visible`` is an upper bound of the visible positions of a row; further positions are dropped.
        """
        raise NotImplementedError

    def passes(self) -> Iterator[SelfAttentionLayer]:
        """Yield the trunk's layers in order of application, repeated blocks each time."""
        for _ in range(self.blocks):
            for layer in self.layers:
                assert isinstance(layer, SelfAttentionLayer)
                yield layer

    @property
    def depth(self) -> int:
        """Number of layers that the trunk applies, counting repeated blocks each time."""
        return len(self.layers) * self.blocks

    def trunk(self, entered: Latents, depth: int | None = None) -> Latents:
        """Apply the first ``depth`` layers of the trunk, 0 to `depth`; None means all."""
        latents, real = entered
        for layer in islice(self.passes(), depth):
            latents = self._checkpointed(layer, latents, real)
        return Latents(latents, real)

    def _checkpointed(self, function: Callable[..., Tensor], *args: object) -> Tensor:
        """Call ``function(*args)``, with activation checkpointing if it is enabled."""
        if not (self.activation_checkpointing and self.training and torch.is_grad_enabled()):
            return function(*args)
        return recomputed(function, self.first.query.weight.device, *args)

    def forward(self, embedded: Tensor, padding_mask: Tensor, depth: int | None = None) -> Latents:
        """Encode ``(B, N, E)`` without masking; ``padding_mask`` ``(B, N)`` bool is True at real positions.

        ``depth`` as in `trunk`.
        """
        return self.trunk(self.enter(self.project(embedded), embedded, padding_mask), depth)


def visible_first(visible: Tensor, most: int) -> Tensor:
    """Return the indices ``(B, L)`` of the first ``most`` positions of each row, visible ones before hidden ones.

    The order within both groups is kept. ``visible`` is ``(B, N)`` bool.
    """
    return visible.to(torch.int8).sort(dim=1, descending=True, stable=True).indices[:, :most]


def taken(vectors: Tensor, order: Tensor) -> Tensor:
    """Gather positions ``order`` ``(B, L)`` of each row of ``vectors`` ``(B, H, N, d)``; return ``(B, H, L, d)``.

    Copying whole vectors takes half the time of ``take_along_dim``.
    """
    rows, heads, length, width = vectors.shape
    offsets = torch.arange(rows, device=order.device)[:, None] * length  # (B, 1)
    flat = vectors.transpose(1, 2).reshape(rows * length, heads, width)  # (B, H, N, d) -> (B * N, H, d)
    gathered = flat.index_select(0, (order + offsets).flatten())  # (B * L, H, d)
    return gathered.view(rows, -1, heads, width).transpose(1, 2)  # (B, L, H, d) -> (B, H, L, d)


def trunk_settings(config: ModelConfig) -> LayerSettings:
    """Return the settings of the trunk's layers."""
    return LayerSettings(
        width=config.latent_width,
        query_key_width=config.query_key,
        heads=config.heads,
        widening=config.widening,
        bias=config.bias,
        dropout=config.dropout,
        attention_dropout=config.attention_dropout,
        drop_path=config.drop_path,
    )
