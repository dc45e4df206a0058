"""The whole network: pre-training with a mask (paper, section 3) and prediction with a head.

Shapes: B batch, N padded length, M latents, D latent width, K most hidden positions of a row, V
vocabulary size.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from sma_core.config.models import MaskingConfig, ModelConfig
from sma_core.nn.decoder import Decoder
from sma_core.nn.embedding import TokenEmbedding
from sma_core.nn.encoder import CrossAttentionEncoder
from sma_core.nn.masking import Mask, MaskNoise, choose_mask

_NOT_SCORED = -100  # target of the entries of Mask.positions that are not hidden positions


class Reconstruction(NamedTuple):
    """What one pass of pre-training gives; nothing here has waited for the device.

    ``loss`` scalar, the mean cross-entropy over all hidden positions of the batch (0 when there are
    none); ``hidden_count`` and ``correct_count`` int64 scalars, how many were hidden and how many of
    these the highest score got right; ``mask`` what was hidden.
    """

    loss: Tensor
    hidden_count: Tensor
    correct_count: Tensor
    mask: Mask


class SMA(nn.Module):
    """Self-guided masked autoencoder for discrete inputs.

    First weights are drawn from torch's global generator: see `sma_core.nn.parameters.initialise`.
    """

    def __init__(self, model_config: ModelConfig, vocabulary_size: int) -> None:
        super().__init__()
        self.embed = TokenEmbedding(model_config, vocabulary_size)
        self.encoder = CrossAttentionEncoder(model_config)
        self.decoder = Decoder(model_config, vocabulary_size)

    def forward(
        self, inputs: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise
    ) -> Reconstruction:
        """Hide a part of each row and reconstruct it.

        Inputs ``(B, N)`` ids of any integer type; padding_mask ``(B, N)`` bool, True where real; noise from
        `sma_core.nn.masking.draw_noise`. Raises `DataError` when N is larger than ``model.max_length``.
        """
        tokens = inputs.to(torch.int64)
        projected = self.encoder.project(self.embed(tokens))
        mask = choose_mask(projected.queries, projected.keys, padding_mask, masking, noise)
        latents = self.encoder.finish(projected, padding_mask & ~mask.hidden)
        return _score(self.decoder(latents, mask.positions, self.embed), tokens, mask)

    def encode(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Encode ids ``(B, N)`` with nothing hidden; gives ``(B, M, D)``. padding_mask as in `forward`."""
        latents: Tensor = self.encoder(self.embed(inputs), padding_mask)
        return latents


class Predictor(nn.Module):
    """Embedding, encoder and head, for fine-tuning.

    ``Predictor(model.embed, model.encoder, head)`` takes these parts of an `SMA` over, not copies of them;
    their parameters have the same names in both.
    """

    def __init__(self, embed: TokenEmbedding, encoder: CrossAttentionEncoder, head: nn.Module) -> None:
        super().__init__()
        self.embed = embed
        self.encoder = encoder
        self.head = head

    def forward(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Predict ``(B, outputs)`` from ids ``(B, N)`` of any integer type.

        Padding_mask ``(B, N)`` bool, True where real.
        Raises `DataError` when N is larger than ``model.max_length``.
        """
        outputs: Tensor = self.head(self.encoder(self.embed(inputs), padding_mask))
        return outputs


def _score(logits: Tensor, tokens: Tensor, mask: Mask) -> Reconstruction:
    """Judge logits ``(B, K, V)`` of ``mask.positions`` by ``tokens`` ``(B, N)``; in float32 or wider."""
    targets = tokens.gather(1, mask.positions).masked_fill(~mask.valid, _NOT_SCORED)  # (B, K)
    scores = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = functional.cross_entropy(
        scores.flatten(0, 1),  # (B, K, V) -> (B * K, V)
        targets.flatten(),
        ignore_index=_NOT_SCORED,
        reduction="sum",
    )
    hidden_count = mask.valid.sum()
    correct_count = (scores.detach().argmax(dim=-1) == targets).sum()
    return Reconstruction(total / hidden_count.clamp(min=1), hidden_count, correct_count, mask)
