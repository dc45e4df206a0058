"""The built-in encoders by name."""

from __future__ import annotations

from sma_core.config.models import ModelConfig
from sma_core.errors import ConfigError
from sma_core.nn.encoders.cross_attention import CrossAttentionEncoder
from sma_core.nn.encoders.encoder import EncoderFactory
from sma_core.nn.encoders.self_attention import SelfAttentionEncoder

_BUILT_IN: dict[str, EncoderFactory] = {
    "cross-attention": CrossAttentionEncoder,
    "self-attention": SelfAttentionEncoder,
}


def built_in_encoder(config: ModelConfig) -> EncoderFactory:
    """Return the factory of ``model.encoder``; raises `ConfigError` if there is no built-in one of that name."""
    factory = _BUILT_IN.get(config.encoder)
    if factory is None:
        raise ConfigError(
            f"model.encoder {config.encoder!r} is not built in (built-in: {', '.join(_BUILT_IN)}): pass the "
            "factory of the plugin that provides it"
        )
    return factory
