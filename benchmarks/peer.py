"""Most similar public model: `transformers`' Perceiver for masked language modelling, at the same size.

It is trained like ours (our AdamW, autocast and gradient clipping) with random masks: hidden ids are replaced by
the mask id, hidden numbers by 0. It always decodes all positions of its position table, including padding, while
ours decodes only hidden positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PerceiverConfig, PerceiverForMaskedLM, PerceiverModel
from transformers.models.perceiver.modeling_perceiver import PerceiverBasicDecoder

from benchmarks.training import batches_of, training_config
from benchmarks.workloads import Workload
from sma_core.config import ModelConfig
from sma_core.data.batching.batches import Batch
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.devices.device import FixedPrecision, autocast, seeded
from sma_core.errors import ConfigError
from sma_core.memory import FirstSteps
from sma_core.nn.inputs import DiscreteInputs
from sma_core.training.optimizers.groups import build_optimizer

IGNORED = -100
TOLERANCE = 0.02
"""Maximum relative difference in the number of parameters."""


class PeerTraining:
    """The peer's model with a training step."""

    def __init__(
        self,
        workload: Workload,
        device: torch.device,
        precision: FixedPrecision = "fp32",
        compiled: bool = False,
        seed: int = 0,
    ) -> None:
        config = training_config(precision, device, compiled, seed)
        with seeded(seed):
            text = isinstance(workload.inputs, DiscreteInputs)
            self.module: nn.Module = TextPeer(workload.model) if text else ValuePeer(workload.model)
        self.module.to(device).train()
        self._forward = torch.compile(self.module) if compiled else self.module
        self._optimizer = build_optimizer(self.module, config)
        self._clip = config.clip_norm or float("inf")
        self._batches: Iterator[Batch] = cycle(batches_of(workload, device, seed))
        self._device, self._precision, self._ratio = device, precision, workload.masking.ratio
        self._generator = torch.Generator(device).manual_seed(seed)
        self._memory = FirstSteps()

    def step(self) -> None:
        """Run a step: batch to the device, mask, forward, backward, clipping, AdamW."""
        self._memory.before_step()
        batch = next(self._batches).to(self._device)
        noise = torch.rand(batch.padding_mask.shape, generator=self._generator, device=self._device)
        hidden = (noise < self._ratio) & batch.padding_mask  # (B, N)
        with autocast(self._device, self._precision):
            loss: Tensor = self._forward(batch.inputs, batch.padding_mask, hidden)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.module.parameters(), self._clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)


class TextPeer(nn.Module):
    """The peer's masked language model, with the loss at hidden positions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.longest = config.max_length
        self.model = PerceiverForMaskedLM(_configured(config))

    def forward(self, inputs: Tensor, padding_mask: Tensor, hidden: Tensor) -> Tensor:
        """Return the mean loss; inputs ``(B, N)`` ids, both masks ``(B, N)`` bool."""
        labels = functional.pad(
            inputs.masked_fill(~hidden, IGNORED), (0, self.longest - inputs.shape[1]), value=IGNORED
        )
        masked = inputs.masked_fill(hidden, ByteTokenizer.mask_id)
        loss: Tensor = self.model(inputs=masked, attention_mask=padding_mask, labels=labels).loss
        return loss


class ValueEmbedder(nn.Module):
    """Preprocessor for numbers: a linear layer and learned position embeddings."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.num_channels = config.embedding_width
        self.projection = nn.Linear(1, config.embedding_width)
        self.positions = nn.Parameter(0.02 * torch.randn(config.max_length, config.embedding_width))

    def forward(self, inputs: Tensor, **_: object) -> tuple[Tensor, None, Tensor]:
        """Return embeddings of ``(B, N, 1)``, no modality sizes, and embeddings without positions."""
        embedded = self.projection(inputs)
        return embedded + self.positions[: inputs.shape[1]], None, embedded


class ValuePeer(nn.Module):
    """The peer's model for numbers, with squared error at hidden positions."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        theirs, width = _configured(config), config.decoder.width
        decoder = PerceiverBasicDecoder(
            theirs,
            output_num_channels=1,
            output_index_dims=config.max_length,
            num_channels=width,
            qk_channels=config.decoder.query_key,
            v_channels=width,
            num_heads=config.decoder.heads,
            use_query_residual=config.decoder.query_residual,
            trainable_position_encoding_kwargs={"num_channels": width, "index_dims": config.max_length},
        )
        self.model = PerceiverModel(theirs, decoder=decoder, input_preprocessor=ValueEmbedder(config))

    def forward(self, inputs: Tensor, padding_mask: Tensor, hidden: Tensor) -> Tensor:
        """Return the mean loss; inputs ``(B, N, 1)``, both masks ``(B, N)`` bool."""
        masked = inputs.masked_fill(hidden[:, :, None], 0.0)
        outputs = self.model(inputs=masked, attention_mask=padding_mask).logits  # (B, N, 1)
        errors = (outputs.float() - inputs).square() * hidden[:, :, None]
        loss: Tensor = errors.sum() / hidden.sum().clamp(min=1)
        return loss


def _configured(config: ModelConfig) -> PerceiverConfig:
    return PerceiverConfig(
        num_latents=config.latents,
        d_latents=config.latent_width,
        d_model=config.embedding_width,
        num_self_attends_per_block=config.layers,
        num_self_attention_heads=config.heads,
        num_cross_attention_heads=config.cross_heads,
        qk_channels=config.query_key,
        v_channels=config.latent_width,
        self_attention_widening_factor=config.widening,
        cross_attention_widening_factor=config.cross_widening,
        attention_probs_dropout_prob=config.attention_dropout,
        vocab_size=ByteTokenizer.vocabulary_size,
        max_position_embeddings=config.max_length,
    )


def check_sizes(ours: int, theirs: int) -> None:
    """Raise `ConfigError` if the numbers of parameters differ by more than `TOLERANCE`."""
    if abs(ours - theirs) > TOLERANCE * ours:
        raise ConfigError(f"{theirs:,} parameters are not within 2 % of {ours:,}; the models are not comparable")
