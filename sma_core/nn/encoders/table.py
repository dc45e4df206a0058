"""The built-in encoders by name."""

from __future__ import annotations

from sma_core.config.models import ModelConfig
from sma_core.nn.built_in import find_built_in
from sma_core.nn.encoders.cross_attention import CrossAttentionEncoder
from sma_core.nn.encoders.encoder import EncoderFactory
from sma_core.nn.encoders.self_attention import SelfAttentionEncoder

_BUILT_IN: dict[str, EncoderFactory] = {
    "cross-attention": CrossAttentionEncoder,
    "self-attention": SelfAttentionEncoder,
}


def built_in_encoder(config: ModelConfig) -> EncoderFactory:
    """Return the factory of ``model.encoder``; raises `ConfigError` if there is no built-in one of that name."""
    return find_built_in(_BUILT_IN, "model.encoder", config.encoder)
