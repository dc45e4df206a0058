"""Look up masking strategies, losses, positions, encoders, optimisers and schedules by name, and build them.

The core and plugins register them, as they do heads.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sma_core.config import FinetuneConfig, MaskingConfig, ModelConfig, PretrainConfig, TrainingConfig
from sma_core.errors import ConfigError, MissingPartError, PluginError
from sma_core.nn.encoders.encoder import Encoder, EncoderFactory
from sma_core.nn.losses.reconstruction import ReconstructionLoss
from sma_core.nn.losses.table import loss_name
from sma_core.nn.positions.protocol import PositionFactory
from sma_core.nn.strategies.protocol import Strategy
from sma_core.plugins.method_specs import (
    Augmentation,
    EncoderType,
    Loss,
    MaskingStrategy,
    Optimizer,
    PositionEmbedding,
    Schedule,
)
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Spec
from sma_core.training.augmentation import Augmenter

S = TypeVar("S", bound=Spec)
_HOOKS: dict[type[Spec], str] = {
    MaskingStrategy: "sma_masking_strategies",
    Loss: "sma_losses",
    PositionEmbedding: "sma_position_embeddings",
    EncoderType: "sma_encoders",
    Augmentation: "sma_augmentations",
    Optimizer: "sma_optimizers",
    Schedule: "sma_schedules",
}


def masking_strategy(registry: Registry, masking: MaskingConfig) -> Strategy:
    """Build the strategy ``masking.strategy``; raises `ConfigError` when it is not registered."""
    spec = _member(registry, MaskingStrategy, "masking.strategy", masking.strategy)
    strategy: Strategy = registry.build(spec)(masking.options)
    return strategy


def reconstruction_loss(registry: Registry, model: ModelConfig) -> ReconstructionLoss:
    """Build the loss ``model.decoder.loss`` (None: the default for the domain's kind of input).

    Raises `ConfigError` when it is not registered or does not support the kind of input.
    """
    loss: ReconstructionLoss = registry.build(_loss(registry, model))(model.decoder)
    return loss


def _loss(registry: Registry, model: ModelConfig) -> Loss:
    kind = registry.domain.input_kind
    spec = _member(registry, Loss, "model.decoder.loss", loss_name(model.decoder, kind == "discrete"))
    if kind not in spec.inputs:
        fitting = ", ".join(loss.name for loss in registry.specs(Loss) if kind in loss.inputs)
        raise ConfigError(
            f"model.decoder.loss {spec.name!r} is for {' or '.join(spec.inputs)} inputs, but the domain "
            f"{registry.name!r} has {kind} inputs: choose one of {fitting}"
        )
    return spec


def position_factory(registry: Registry, model: ModelConfig) -> PositionFactory:
    """Import the factory of ``model.positions``; raises `ConfigError` when it is not registered."""
    spec = _member(registry, PositionEmbedding, "model.positions", model.positions)
    factory: PositionFactory = registry.build(spec)
    return factory


def encoder_factory(registry: Registry, model: ModelConfig) -> EncoderFactory:
    """Import the factory of ``model.encoder``; raises `ConfigError` when it is not registered.

    The factory raises `PluginError` when it does not return an `Encoder`.
    """
    spec = _member(registry, EncoderType, "model.encoder", model.encoder)
    factory: EncoderFactory = registry.build(spec)

    def checked(config: ModelConfig) -> Encoder:
        encoder = factory(config)
        if not isinstance(encoder, Encoder):
            raise PluginError(
                f"the encoder {spec.name!r} of {registry.provider(spec)} must be a subclass of "
                f"sma_core.nn.encoders.encoder.Encoder, not {type(encoder).__name__}"
            )
        return encoder

    return checked


def augmenter(registry: Registry, config: FinetuneConfig) -> Augmenter | None:
    """Build ``training.augmentation``, None without one; raises `ConfigError` when it is not registered."""
    if config.training.augmentation is None:
        return None
    spec = _member(registry, Augmentation, "training.augmentation", config.training.augmentation)
    function = registry.build(spec)(config.model, config.training.augmentation_options)
    return Augmenter(function, f"{spec.name!r} of {registry.provider(spec)}")


def optimizer_factory(registry: Registry, training: TrainingConfig) -> Any:  # noqa: ANN401 - see Optimizer
    """Import the factory of ``training.optimizer``; raises `ConfigError` when it is not registered."""
    return registry.build(_member(registry, Optimizer, "training.optimizer", training.optimizer))


def schedule_function(registry: Registry, training: TrainingConfig) -> Any:  # noqa: ANN401 - see Schedule
    """Import the function of ``training.schedule``; raises `ConfigError` when it is not registered."""
    return registry.build(_member(registry, Schedule, "training.schedule", training.schedule))


def check_members(registry: Registry, config: PretrainConfig | FinetuneConfig) -> None:
    """Raise `ConfigError` when a setting names something that is not registered."""
    _member(registry, Optimizer, "training.optimizer", config.training.optimizer)
    _member(registry, Schedule, "training.schedule", config.training.schedule)
    _member(registry, PositionEmbedding, "model.positions", config.model.positions)
    _member(registry, EncoderType, "model.encoder", config.model.encoder)
    if isinstance(config, PretrainConfig):
        _member(registry, MaskingStrategy, "masking.strategy", config.masking.strategy)
        _loss(registry, config.model)
    elif config.training.augmentation is not None:
        _member(registry, Augmentation, "training.augmentation", config.training.augmentation)


def _member(registry: Registry, kind: type[S], setting: str, name: str) -> S:
    try:
        return registry.find(kind, name)
    except PluginError as error:
        raise MissingPartError(
            f"{setting} cannot be {name!r}: {error} (a plugin adds one with the hook {_HOOKS[kind]})"
        ) from error
