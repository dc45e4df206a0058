"""Both encoders: latents attend to the inputs, or the inputs to each other, then a trunk (paper, section 3).

The first layer comes in two calls, `project` and `enter`, because the mask is chosen in between, from the
projected queries and keys. The trunk is a third: whoever calls it should no longer hold what was projected, which
is larger than what any layer of the trunk keeps (`sma_core.nn.model` shows how).

Shapes: B batch, N padded length, E embedding width, M latents, D latent width, L what leaves the encoder (M
latents, or the tokens that stay).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from sma_core.config.models import ModelConfig
from sma_core.nn.attention import CrossAttentionLayer, LayerSettings, Projected, SelfAttentionLayer
from sma_core.nn.parameters import initialise
from sma_core.nn.recomputed import recomputed


class Latents(NamedTuple):
    """What an encoder gives: ``values`` ``(B, L, D)`` and ``real`` ``(B, L)`` bool, None where all are real."""

    values: Tensor
    real: Tensor | None


class Encoder(nn.Module):
    """What both encoders share: a first layer in which inputs enter, and the trunk behind it."""

    of_inputs: bool
    """Whether the first layer's queries are the inputs themselves."""
    activation_checkpointing = False
    """Whether training keeps only what enters each attention and computes the rest again for the gradient."""

    def __init__(self, config: ModelConfig, first: CrossAttentionLayer) -> None:
        super().__init__()
        self.first = first
        self.layers = nn.ModuleList(SelfAttentionLayer(_trunk_settings(config)) for _ in range(config.layers))
        self.blocks = config.blocks

    def queries(self, embedded: Tensor) -> Tensor:
        """Give the first layer's queries before their LayerNorm, ``(M, D)`` or ``(B, N, D)``."""
        raise NotImplementedError

    def query_count(self, length: int) -> int:
        """Give the number of queries for padded length N."""
        raise NotImplementedError

    def project(self, embedded: Tensor) -> Projected:
        """Project queries and inputs ``(B, N, E)`` for the first attention."""
        return self.first.project(self.queries(embedded), embedded)

    def enter(
        self, projected: Projected, embedded: Tensor, visible: Tensor, most_visible: int | None = None
    ) -> Latents:
        """Pass the first layer: attend to the visible inputs, ``(B, N)`` bool.

        ``most_visible`` is an upper bound of the visible positions of a row: so many are kept, in order.
        """
        raise NotImplementedError

    def passes(self) -> Iterator[SelfAttentionLayer]:
        """Yield the trunk's layers in the order in which they are passed."""
        for _ in range(self.blocks):
            for layer in self.layers:
                assert isinstance(layer, SelfAttentionLayer)
                yield layer

    @property
    def depth(self) -> int:
        """How many layers the trunk has on its way, those of a repeated block counted each time."""
        return len(self.layers) * self.blocks

    def trunk(self, entered: Latents, depth: int | None = None) -> Latents:
        """Pass the first ``depth`` layers of the trunk, 0 to `depth`, or all."""
        latents, real = entered
        for layer in islice(self.passes(), depth):
            latents = self._checkpointed(layer, latents, real)
        return Latents(latents, real)

    def _checkpointed(self, work: Callable[..., Tensor], *given: object) -> Tensor:
        """Call ``work`` with what is ``given``; see `activation_checkpointing`. Dropout is the same both times."""
        if not (self.activation_checkpointing and self.training and torch.is_grad_enabled()):
            return work(*given)
        return recomputed(work, self.first.query.weight.device, *given)

    def forward(self, embedded: Tensor, padding_mask: Tensor, depth: int | None = None) -> Latents:
        """Encode ``(B, N, E)`` with nothing hidden; padding_mask ``(B, N)`` bool, True where real.

        ``depth`` as in `trunk`.
        """
        return self.trunk(self.enter(self.project(embedded), embedded, padding_mask), depth)


class CrossAttentionEncoder(Encoder):
    """Learned latents attend to the inputs: ``(B, N, E)`` to ``(B, M, D)``."""

    of_inputs = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, CrossAttentionLayer(_first_settings(config), config.embedding_width))
        self.latents = nn.Parameter(torch.empty(config.latents, config.latent_width))  # (M, D)
        initialise(self, config.initializer_range)

    def queries(self, embedded: Tensor) -> Tensor:
        """Give the learned latents ``(M, D)``, the same for every row."""
        return self.latents

    def query_count(self, length: int) -> int:
        """Give the number M of latents."""
        return self.latents.shape[0]

    def enter(
        self, projected: Projected, embedded: Tensor, visible: Tensor, most_visible: int | None = None
    ) -> Latents:
        """Let the latents attend to the visible inputs; gives all M latents, every one real.

        ``most_visible`` leaves out the keys and values of other positions, in order.
        """
        if most_visible is not None and most_visible < visible.shape[1]:
            order = visible_first(visible, most_visible)  # (B, L)
            keys, values = (taken(part, order) for part in (projected.keys, projected.values))  # (B, H, L, d or e)
            projected, visible = Projected(projected.queries, keys, values), visible.gather(1, order)
        latents = self._checkpointed(self.first.attend, projected, self.latents, visible)
        return Latents(latents, None)


class SelfAttentionEncoder(Encoder):
    """Inputs attend to each other: ``(B, N, E)`` to ``(B, L, E)``; hidden ones leave after the first layer."""

    of_inputs = True

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config, CrossAttentionLayer(_first_settings(config), config.embedding_width))
        initialise(self, config.initializer_range)

    def queries(self, embedded: Tensor) -> Tensor:
        """Give the embedded inputs ``(B, N, E)``: D is E here."""
        return embedded

    def query_count(self, length: int) -> int:
        """Give the padded length N."""
        return length

    def enter(
        self, projected: Projected, embedded: Tensor, visible: Tensor, most_visible: int | None = None
    ) -> Latents:
        """Let the visible inputs attend to each other; ``most_visible`` cuts the sequence to that many, in order.

        Without it nothing leaves the sequence, and what is not visible is only never attended to: the visible
        positions come out the same.
        """
        if most_visible is not None and most_visible < visible.shape[1]:
            order = visible_first(visible, most_visible)  # (B, L)
            embedded = taken(embedded[:, None], order)[:, 0]  # (B, N, E) -> (B, L, E)
            projected = Projected(*(taken(part, order) for part in projected))  # (B, H, L, d)
            visible = visible.gather(1, order)  # (B, L)
        latents = self._checkpointed(self.first.attend, projected, embedded, visible)
        return Latents(latents, visible)


def visible_first(visible: Tensor, most: int) -> Tensor:
    """Give the first ``most`` positions of each row, visible ones before others, each kind in order: ``(B, L)``.

    ``visible`` is ``(B, N)`` bool.
    """
    return visible.to(torch.int8).sort(dim=1, descending=True, stable=True).indices[:, :most]


def taken(vectors: Tensor, order: Tensor) -> Tensor:
    """Take positions ``order`` ``(B, L)`` of each row of ``vectors`` ``(B, H, N, d)``; gives ``(B, H, L, d)``.

    Whole vectors are copied, which takes half the time of picking number by number (``take_along_dim``).
    """
    rows, heads, length, width = vectors.shape
    first = torch.arange(rows, device=order.device)[:, None] * length  # (B, 1)
    flat = vectors.transpose(1, 2).reshape(rows * length, heads, width)  # (B, H, N, d) -> (B * N, H, d)
    chosen = flat.index_select(0, (order + first).flatten())  # (B * L, H, d)
    return chosen.view(rows, -1, heads, width).transpose(1, 2)  # (B, L, H, d) -> (B, H, L, d)


def build_encoder(config: ModelConfig) -> Encoder:
    """Build the encoder that ``model.encoder`` names."""
    return CrossAttentionEncoder(config) if config.encoder == "cross-attention" else SelfAttentionEncoder(config)


def _first_settings(config: ModelConfig) -> LayerSettings:
    """Give the first layer's settings: widths of its own in cross-attention, the residual switch, no drop path."""
    cross = config.encoder == "cross-attention"
    return replace(
        _trunk_settings(config),
        query_key_width=config.cross_query_key if cross else config.query_key,
        heads=config.cross_heads if cross else config.heads,
        widening=config.cross_widening if cross else config.widening,
        query_residual=config.query_residual,
        drop_path=0.0,
    )


def _trunk_settings(config: ModelConfig) -> LayerSettings:
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
