"""Look up masking strategies, losses, positions, encoders, heads, optimisers and schedules by name; build them.

The core and plugins register them. Those of plugins are guarded: see `sma_core.runs.guarded_parts`.
"""

from __future__ import annotations

from typing import TypeVar

from torch import nn

from sma_core.config import FinetuneConfig, MaskingConfig, ModelConfig, PretrainConfig, TrainingConfig
from sma_core.errors import ConfigError, MissingPartError, PluginError
from sma_core.nn.encoders.encoder import EncoderFactory
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
from sma_core.plugins.specs import Head, Spec
from sma_core.runs.guarded_parts import (
    guarded_augmentation,
    guarded_encoder,
    guarded_head,
    guarded_loss,
    guarded_optimizer,
    guarded_positions,
    guarded_schedule,
    guarded_strategy,
)
from sma_core.training.finetuning.augmentation import Augmenter
from sma_core.training.optimizers.groups import OptimizerFactory
from sma_core.training.schedules.rate import ScheduleFunction

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
    factory = registry.build(spec)
    if not registry.is_core(spec):
        return guarded_strategy(registry.label(spec), factory, masking.options)
    strategy: Strategy = factory(masking.options)
    return strategy


def reconstruction_loss(registry: Registry, model: ModelConfig) -> ReconstructionLoss:
    """Build the loss ``model.decoder.loss`` (None: the default for the domain's kind of input).

    Raises `ConfigError` when it is not registered or does not support the kind of input.
    """
    spec = _loss(registry, model)
    factory = registry.build(spec)
    if not registry.is_core(spec):
        return guarded_loss(registry.label(spec), factory, model.decoder)
    loss: ReconstructionLoss = factory(model.decoder)
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
    return factory if registry.is_core(spec) else guarded_positions(registry.label(spec), factory)


def encoder_factory(registry: Registry, model: ModelConfig) -> EncoderFactory:
    """Import the factory of ``model.encoder``; raises `ConfigError` when it is not registered.

    The factory raises `PluginError` when it does not return an `Encoder`.
    """
    spec = _member(registry, EncoderType, "model.encoder", model.encoder)
    factory: EncoderFactory = registry.build(spec)
    return factory if registry.is_core(spec) else guarded_encoder(registry.label(spec), factory)


def augmenter(registry: Registry, config: FinetuneConfig) -> Augmenter | None:
    """Build ``training.augmentation``, None without one; raises `ConfigError` when it is not registered."""
    if config.training.augmentation is None:
        return None
    spec = _member(registry, Augmentation, "training.augmentation", config.training.augmentation)
    options = config.training.augmentation_options
    return guarded_augmentation(registry.label(spec), registry.build(spec), config.model, options)


def optimizer_factory(registry: Registry, training: TrainingConfig) -> OptimizerFactory:
    """Import the factory of ``training.optimizer``; raises `ConfigError` when it is not registered."""
    spec = _member(registry, Optimizer, "training.optimizer", training.optimizer)
    factory: OptimizerFactory = registry.build(spec)
    return factory if registry.is_core(spec) else guarded_optimizer(registry.label(spec), factory)


def schedule_function(registry: Registry, training: TrainingConfig) -> ScheduleFunction:
    """Import the function of ``training.schedule``; raises `ConfigError` when it is not registered."""
    spec = _member(registry, Schedule, "training.schedule", training.schedule)
    function: ScheduleFunction = registry.build(spec)
    return function if registry.is_core(spec) else guarded_schedule(registry.label(spec), function)


def head_module(registry: Registry, name: str, model: ModelConfig, outputs: int) -> nn.Module:
    """Build the head ``name`` for ``outputs`` outputs; raises `PluginError` when there is none of that name."""
    spec = registry.find(Head, name)
    factory = registry.build(spec)
    if not registry.is_core(spec):
        return guarded_head(registry.label(spec), factory, model, outputs, spec.per_position)
    module: nn.Module = factory(model, outputs)
    return module


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
