"""The whole network: pre-training with a mask (paper, section 3) and prediction with a head.

Shapes: B batch, N padded length, C channels, L latents, D latent width, P longest length, V vocabulary size.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from sma_core.config.models import MaskingConfig, ModelConfig
from sma_core.nn.attention import Projected, may_look
from sma_core.nn.decoder import Decoder
from sma_core.nn.embedding import TokenEmbedding, ValueEmbedding, build_embedding
from sma_core.nn.encoder import Encoder, Latents, build_encoder
from sma_core.nn.heads import Encoded
from sma_core.nn.inputs import Inputs
from sma_core.nn.losses.reconstruction import Reconstruction, ReconstructionLoss
from sma_core.nn.losses.table import built_in_loss
from sma_core.nn.losses.target_scale import TargetScale
from sma_core.nn.masking import Mask, MaskNoise, in_steps, used_columns
from sma_core.nn.strategies.choosing import built_in_strategy, choose_mask
from sma_core.nn.strategies.protocol import Strategy

EmbeddingModule = TokenEmbedding | ValueEmbedding


class SMA(nn.Module):
    """Self-guided masked autoencoder for ids ``(B, N)`` or numbers ``(B, N, C)``.

    First weights are drawn from torch's global generator: see `sma_core.nn.parameters.initialise`. ``loss`` is the
    built-in one that ``model.decoder.loss`` names unless another is passed; only a reconstruction needs it.
    """

    def __init__(self, model_config: ModelConfig, inputs: Inputs, loss: ReconstructionLoss | None = None) -> None:
        super().__init__()
        self.embed = build_embedding(model_config, inputs)
        self.encoder: Encoder = build_encoder(model_config)
        self.decoder = Decoder(model_config, inputs)
        self.target_scale = TargetScale(model_config.decoder)
        self._decoder_config = model_config.decoder
        self._loss = loss

    def forward(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        masking: MaskingConfig,
        noise: MaskNoise,
        strategy: Strategy | None = None,
    ) -> Reconstruction:
        """Hide a part of each row and reconstruct it.

        Inputs ``(B, N)`` ids of any integer type, or ``(B, N, C)`` numbers; padding_mask ``(B, N)`` bool, True
        where real; noise from `sma_core.nn.masking.draw_noise`; ``strategy``, if not passed, is the built-in one
        that ``masking`` names. Raises `DataError` when N is larger than ``model.max_length``.
        """
        strategy = strategy or built_in_strategy(masking)
        used = None  # with self-attention the inputs are the queries: which are drawn may stand anywhere
        if not self.encoder.of_inputs and may_look(padding_mask):
            used = in_steps(used_columns(padding_mask), padding_mask.shape[1])
        most = strategy.most_visible(padding_mask.shape[1], masking)

        def choose(projected: Projected, embedded: Tensor) -> Mask:
            return choose_mask(self.encoder, projected, embedded, padding_mask, masking, noise, strategy)

        return self._reconstruct(inputs, *self._enter(inputs[:, :used], padding_mask, choose, most))

    def reconstruct(
        self, inputs: Tensor, padding_mask: Tensor, mask: Mask, most_visible: int | None = None
    ) -> Reconstruction:
        """Reconstruct under a mask that is given; arguments as in `forward`.

        ``most_visible`` is an upper bound of the positions of a row that stay visible, for encoders that drop
        others.
        """
        return self._reconstruct(inputs, *self._enter(inputs, padding_mask, lambda *_: mask, most_visible))

    def _enter(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        choose: Callable[[Projected, Tensor], Mask],
        most_visible: int | None,
    ) -> tuple[Latents, Mask]:
        """Embed, project, ``choose`` a mask and pass the first layer. What was projected is free from here on."""
        embedded = self.embed(inputs)
        projected = self.encoder.project(embedded)
        mask = choose(projected, embedded)
        visible = padding_mask & ~mask.hidden
        length = embedded.shape[1]
        if may_look(visible):
            bound = length if most_visible is None else min(most_visible, length)
            most_visible, mask = in_steps(max(int(visible.sum(dim=1).max()), 1), bound), mask.cut()
        return self.encoder.enter(projected, embedded, visible[:, :length], most_visible), mask

    def _reconstruct(self, inputs: Tensor, entered: Latents, mask: Mask) -> Reconstruction:
        latents = self.encoder.trunk(entered)
        outputs = self.decoder(latents, mask.positions, self.embed, mask.valid)  # (B, K, V) or (B, K, C)
        discrete = isinstance(self.embed, TokenEmbedding)
        loss = self._loss or built_in_loss(self._decoder_config, discrete)
        return loss(outputs, inputs.to(torch.int64) if discrete else self.target_scale(inputs), mask)

    def encode(self, inputs: Tensor, padding_mask: Tensor, depth: int | None = None) -> Latents:
        """Encode with nothing hidden; inputs and padding_mask as in `forward`.

        ``depth`` is how many layers of the trunk are passed; empty: all.
        """
        latents: Latents = self.encoder(self.embed(inputs), padding_mask, depth)
        return latents

    def hidden_states(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Give what the decoder makes of every position before its output map, with nothing hidden: ``(B, N, O)``.

        Inputs and padding_mask as in `forward`. What stands at padding means nothing.
        """
        embedded = self.embed(inputs)
        latents: Latents = self.encoder(embedded, padding_mask)
        positions = torch.arange(padding_mask.shape[1], device=embedded.device).expand(padding_mask.shape)
        return self.decoder.hidden_states(latents, positions, self.embed, padding_mask)  # (B, N, O)


class Predictor(nn.Module):
    """Embedding, encoder and head, for fine-tuning.

    ``Predictor(model.embed, model.encoder, head)`` takes these parts of an `SMA` over, not copies of them;
    their parameters have the same names in both.
    """

    def __init__(self, embed: EmbeddingModule, encoder: Encoder, head: nn.Module) -> None:
        super().__init__()
        self.embed = embed
        self.encoder = encoder
        self.head = head
        self.frozen = False

    def freeze(self) -> None:
        """Let only the head learn: embedding and encoder stay as they are, without dropout."""
        self.frozen = True
        self.embed.requires_grad_(False)
        self.encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation; what is frozen stays in evaluation."""
        super().train(mode)
        if self.frozen:
            self.embed.eval()
            self.encoder.eval()
        return self

    def encode(self, inputs: Tensor, padding_mask: Tensor, depth: int | None = None) -> Encoded:
        """Encode with nothing hidden; what a head gets. Arguments as in `SMA.encode`."""
        embedded = self.embed(inputs)
        latents: Latents = self.encoder(embedded, padding_mask, depth)
        return Encoded(latents, embedded, padding_mask)

    def forward(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Predict ``(B, outputs)``, or ``(B, N, outputs)`` with a head that answers for every position.

        Inputs ``(B, N)`` ids of any integer type or ``(B, N, C)`` numbers; padding_mask ``(B, N)`` bool, True
        where real. Raises `DataError` when N is larger than ``model.max_length``.
        """
        outputs: Tensor = self.head(self.encode(inputs, padding_mask))
        return outputs
