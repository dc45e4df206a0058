"""The networks for masked pre-training (paper, section 3) and for prediction with a head.

Shapes: B batch, N padded length, K scored positions, C channels, V vocabulary size, O decoder output width.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from sma_core.config.masking import MaskingConfig
from sma_core.config.models import ModelConfig
from sma_core.nn.attention import Projected, may_look
from sma_core.nn.decoder import Decoder
from sma_core.nn.embedding import TokenEmbedding, ValueEmbedding, build_embedding
from sma_core.nn.encoders.encoder import Encoder, EncoderFactory, Latents
from sma_core.nn.encoders.table import built_in_encoder
from sma_core.nn.heads import Encoded
from sma_core.nn.inputs import Inputs
from sma_core.nn.losses.reconstruction import Reconstruction, ReconstructionLoss
from sma_core.nn.losses.table import built_in_loss
from sma_core.nn.losses.target_scale import TargetScale
from sma_core.nn.masking import Mask, MaskNoise, in_steps, may_be_hidden, used_columns
from sma_core.nn.positions.protocol import PositionFactory
from sma_core.nn.probe import Probe
from sma_core.nn.strategies.choosing import built_in_strategy, choose_mask
from sma_core.nn.strategies.protocol import Situation, Strategy

EmbeddingModule = TokenEmbedding | ValueEmbedding


class SMA(nn.Module):
    """Self-guided masked autoencoder for ids ``(B, N)`` or numbers ``(B, N, C)``.

    Weights are initialised from torch's global generator, see `sma_core.nn.parameters.initialise`. ``loss``
    defaults to the built-in loss of ``model.decoder.loss``; it is used by `forward` and `reconstruct` only.
    ``positions`` builds the position embeddings and ``encoder`` the encoder, by default the built-in ones of
    ``model.positions`` and ``model.encoder``.
    """

    def __init__(
        self,
        model_config: ModelConfig,
        inputs: Inputs,
        loss: ReconstructionLoss | None = None,
        positions: PositionFactory | None = None,
        encoder: EncoderFactory | None = None,
    ) -> None:
        super().__init__()
        self.embed = build_embedding(model_config, inputs, positions)
        self.encoder: Encoder = (encoder or built_in_encoder(model_config))(model_config)
        self.decoder = Decoder(model_config, inputs, positions)
        self.target_scale = TargetScale(model_config.decoder)
        self._decoder_config = model_config.decoder
        self._loss = loss
        self._loss_takes_known = loss is None or "known" in inspect.signature(loss).parameters

    def forward(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        masking: MaskingConfig,
        noise: MaskNoise,
        strategy: Strategy | None = None,
        complete: bool = False,
    ) -> Reconstruction:
        """Mask part of each row, reconstruct it and return the loss.

        ``inputs`` ``(B, N)`` ids of any integer type, or ``(B, N, C)`` numbers, NaN where missing;
        ``padding_mask`` ``(B, N)`` bool, True at real positions; ``noise`` from `sma_core.nn.masking.draw_noise`;
        ``strategy`` defaults to the built-in strategy of ``masking``; ``complete`` says that no number is missing,
        which saves time on a GPU. Raises `DataError` if N is larger than ``model.max_length``.
        """
        strategy = strategy or built_in_strategy(masking)
        length = None  # no cropping with self-attention: the drawn queries are inputs at any position
        if not self.encoder.of_inputs and may_look(padding_mask):
            length = in_steps(used_columns(padding_mask), padding_mask.shape[1])
        complete = complete or self.discrete or (may_look(inputs) and not bool(inputs.isnan().any()))
        most_visible = strategy.most_visible(padding_mask.shape[1], masking) if complete else None
        candidates = may_be_hidden(inputs, padding_mask)

        def choose(projected: Projected, embedded: Tensor) -> Mask:
            situation = Situation(inputs, self.encoder, projected, embedded, candidates, masking, noise)
            return choose_mask(situation, strategy)

        return self._reconstruct(inputs, *self._enter(inputs[:, :length], padding_mask, choose, most_visible))

    def reconstruct(
        self, inputs: Tensor, padding_mask: Tensor, mask: Mask, most_visible: int | None = None
    ) -> Reconstruction:
        """Reconstruct the positions hidden by ``mask`` and return the loss; arguments as in `forward`.

        ``most_visible`` is an upper bound of the visible positions per row; encoders drop further positions.
        """
        return self._reconstruct(inputs, *self._enter(inputs, padding_mask, lambda *_: mask, most_visible))

    def reconstructed(self, inputs: Tensor, padding_mask: Tensor, mask: Mask) -> Tensor:
        """Return the decoder's outputs at ``mask.positions``: logits ``(B, K, V)``, or numbers ``(B, K, C)``.

        Numbers are in the scale of ``target_scale``. Arguments as in `forward`; outputs where ``mask.valid`` is
        False are undefined.
        """
        embedded = self.embed(inputs)
        latents: Latents = self.encoder(embedded, padding_mask & ~mask.hidden)
        outputs: Tensor = self.decoder(latents, mask.positions, self.embed, mask.valid, inputs.shape[1])
        return outputs

    def _enter(
        self,
        inputs: Tensor,
        padding_mask: Tensor,
        choose: Callable[[Projected, Tensor], Mask],
        most_visible: int | None,
    ) -> tuple[Latents, Mask]:
        """Embed, project, ``choose`` a mask and apply the first layer; the projections are freed on return."""
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
        decoded = (latents, mask.positions, self.embed, mask.valid, inputs.shape[1])
        outputs = self.decoder(*decoded)  # (B, K, V) or (B, K, C)
        loss = self._loss or built_in_loss(self._decoder_config, self.discrete)
        if self.discrete:
            return loss(outputs, inputs.to(torch.int64), mask)
        missing = inputs.isnan()
        targets = self.target_scale(inputs.masked_fill(missing, 0.0))
        known = ~missing.take_along_dim(mask.positions[:, :, None], dim=1)  # (B, K, C): the others are no targets
        scored = mask.valid & (known.any(dim=2) if self._loss_takes_known else known.all(dim=2))  # (B, K)
        arguments = {"known": known} if self._loss_takes_known else {}
        return loss(outputs, targets, mask._replace(valid=scored), **arguments)._replace(mask=mask)

    @property
    def discrete(self) -> bool:
        """Whether the inputs are ids."""
        return isinstance(self.embed, TokenEmbedding)

    def situation(
        self, inputs: Tensor, padding_mask: Tensor, masking: MaskingConfig, noise: MaskNoise
    ) -> Situation:
        """Return what a strategy chooses a mask from; arguments as in `forward`."""
        embedded = self.embed(inputs)
        projected = self.encoder.project(embedded)
        candidates = may_be_hidden(inputs, padding_mask)
        return Situation(inputs, self.encoder, projected, embedded, candidates, masking, noise)

    def encode(self, inputs: Tensor, padding_mask: Tensor, depth: int | None = None) -> Latents:
        """Encode without masking; ``inputs`` and ``padding_mask`` as in `forward`.

        ``depth`` is the number of trunk layers to apply; None means all.
        """
        latents: Latents = self.encoder(self.embed(inputs), padding_mask, depth)
        return latents

    def hidden_states(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Return the decoder's hidden states before its output layer, without masking: ``(B, N, O)``.

        ``inputs`` and ``padding_mask`` as in `forward`. Values at padding positions are undefined.
        """
        embedded = self.embed(inputs)
        latents: Latents = self.encoder(embedded, padding_mask)
        length = padding_mask.shape[1]
        positions = torch.arange(length, device=embedded.device).expand(padding_mask.shape)
        return self.decoder.hidden_states(latents, positions, self.embed, padding_mask, length)  # (B, N, O)


class Predictor(nn.Module):
    """Embedding, encoder and head, for fine-tuning.

    ``Predictor(model.embed, model.encoder, head)`` shares these modules with the `SMA`, without copying; their
    parameters have the same names in both. A ``probe`` replaces the outputs of a head for rows while it is active.
    """

    def __init__(
        self, embed: EmbeddingModule, encoder: Encoder, head: nn.Module, probe: Probe | None = None
    ) -> None:
        super().__init__()
        self.embed = embed
        self.encoder = encoder
        self.head = head
        self.probe = probe
        self.frozen = False

    def freeze(self) -> None:
        """Freeze embedding and encoder, so that only the head is trained; they run without dropout."""
        self.frozen = True
        self.embed.requires_grad_(False)
        self.encoder.requires_grad_(False)

    def train(self, mode: bool = True) -> Self:
        """Set training or evaluation mode; frozen modules stay in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.embed.eval()
            self.encoder.eval()
        return self

    def encode(self, inputs: Tensor, padding_mask: Tensor, depth: int | None = None) -> Encoded:
        """Return the input of the head, encoded without masking; arguments as in `SMA.encode`."""
        return self._encoded(self.embed(inputs), padding_mask, depth)

    def _encoded(self, embedded: Tensor, padding_mask: Tensor, depth: int | None = None) -> Encoded:
        latents: Latents = self.encoder(embedded, padding_mask, depth)
        return Encoded(latents, embedded, padding_mask)

    def forward(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Predict ``(B, outputs)``, or ``(B, N, outputs)`` with a head for positions.

        ``inputs`` ``(B, N)`` ids of any integer type or ``(B, N, C)`` numbers; ``padding_mask`` ``(B, N)`` bool,
        True at real positions. Raises `DataError` if N is larger than ``model.max_length``.
        """
        return self._outputs(self.encode(inputs, padding_mask))

    def from_vectors(self, vectors: Tensor, padding_mask: Tensor) -> Tensor:
        """Predict from the vectors ``(B, N, E)`` that ``embed.vectors`` returns for inputs.

        Use it for gradients with respect to inputs: ``forward(inputs, padding_mask)`` equals
        ``from_vectors(embed.vectors(inputs), padding_mask)``. ``padding_mask``, result and errors as in `forward`.
        """
        return self._outputs(self._encoded(self.embed.finish(vectors), padding_mask))

    def _outputs(self, encoded: Encoded) -> Tensor:
        outputs: Tensor = self.head(encoded)
        return outputs if self.probe is None else self.probe(encoded.latents, outputs)
