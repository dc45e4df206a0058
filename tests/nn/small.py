"""A small model, a batch with rows of every awkward length, and noise for it."""

import torch
from torch import Tensor

from sma_core.config.models import DecoderConfig, ModelConfig
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.masking import MaskNoise, draw_noise
from sma_core.nn.model import SMA

VOCABULARY = 40
LENGTHS = [20, 1, 2, 9, 13]


def small_config(**changes) -> ModelConfig:
    decoder = DecoderConfig(**({"width": 16, "heads": 2} | changes.pop("decoder", {})))
    settings = {
        "max_length": 32,
        "embedding_width": 16,
        "latents": 6,
        "latent_width": 24,
        "layers": 2,
        "cross_heads": 2,
        "heads": 4,
    }
    return ModelConfig(**(settings | changes), decoder=decoder)


def small_model(seed: int = 0, **changes) -> SMA:
    """Weights are larger than the usual first ones, so that attention is not close to uniform."""
    torch.manual_seed(seed)
    return SMA(small_config(**{"initializer_range": 0.4} | changes), DiscreteInputs(VOCABULARY))


def batch(lengths: list[int] = LENGTHS, padded: int = 20) -> tuple[Tensor, Tensor]:
    """Ids ``(B, N)`` and padding mask ``(B, N)``."""
    generator = torch.Generator().manual_seed(len(lengths))
    padding_mask = torch.arange(padded) < torch.tensor(lengths)[:, None]
    inputs = torch.randint(6, VOCABULARY, padding_mask.shape, generator=generator)
    return inputs * padding_mask, padding_mask


def noise_for(padding_mask: Tensor, queries: int = 6, seed: int = 0, randomness: float = 0.0) -> MaskNoise:
    rows, length = padding_mask.shape
    return draw_noise(rows, queries, length, torch.Generator().manual_seed(seed), "cpu", randomness)


def of_row(noise: MaskNoise, row: int) -> MaskNoise:
    """The noise of one row alone."""
    one = slice(row, row + 1)
    return MaskNoise(noise.queries[one], noise.positions[one], noise.heads[one], noise.randomness)
