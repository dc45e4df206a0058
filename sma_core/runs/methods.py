"""The parts of the method that settings name: found among the core's and the plugins' members, and built.

Masking strategies, losses, optimisers and schedules are members of registries, as heads are.
"""

from __future__ import annotations

from typing import Any, TypeVar

from sma_core.config import FinetuneConfig, MaskingConfig, ModelConfig, PretrainConfig, TrainingConfig
from sma_core.errors import ConfigError, PluginError
from sma_core.nn.losses.reconstruction import ReconstructionLoss
from sma_core.nn.losses.table import loss_name
from sma_core.nn.strategies.protocol import Strategy
from sma_core.plugins.method_specs import Loss, MaskingStrategy, Optimizer, Schedule
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Spec

S = TypeVar("S", bound=Spec)
_HOOKS: dict[type[Spec], str] = {
    MaskingStrategy: "sma_masking_strategies",
    Loss: "sma_losses",
    Optimizer: "sma_optimizers",
    Schedule: "sma_schedules",
}


def masking_strategy(registry: Registry, masking: MaskingConfig) -> Strategy:
    """Build the strategy that ``masking.strategy`` names; raises `ConfigError` when there is none."""
    spec = _member(registry, MaskingStrategy, "masking.strategy", masking.strategy)
    strategy: Strategy = registry.build(spec)(masking.options)
    return strategy


def reconstruction_loss(registry: Registry, model: ModelConfig) -> ReconstructionLoss:
    """Build the loss that ``model.decoder.loss`` names, or that of the domain's kind of input.

    Raises `ConfigError` when there is none of that name, or it is for other inputs.
    """
    loss: ReconstructionLoss = registry.build(_loss(registry, model))(model.decoder)
    return loss


def _loss(registry: Registry, model: ModelConfig) -> Loss:
    kind = registry.domain.input_kind
    spec = _member(registry, Loss, "model.decoder.loss", loss_name(model.decoder, kind == "discrete"))
    if kind not in spec.inputs:
        fitting = ", ".join(loss.name for loss in registry.specs(Loss) if kind in loss.inputs)
        raise ConfigError(
            f"model.decoder.loss {spec.name!r} is for {' or '.join(spec.inputs)} inputs, but those of the domain "
            f"{registry.name!r} are {kind}: choose one of {fitting}"
        )
    return spec


def optimizer_factory(registry: Registry, training: TrainingConfig) -> Any:  # noqa: ANN401 - see Optimizer
    """Import the factory of ``training.optimizer``; raises `ConfigError` when there is none."""
    return registry.build(_member(registry, Optimizer, "training.optimizer", training.optimizer))


def schedule_function(registry: Registry, training: TrainingConfig) -> Any:  # noqa: ANN401 - see Schedule
    """Import the function of ``training.schedule``; raises `ConfigError` when there is none."""
    return registry.build(_member(registry, Schedule, "training.schedule", training.schedule))


def check_members(registry: Registry, config: PretrainConfig | FinetuneConfig) -> None:
    """Raise `ConfigError` when the settings name a member that there is not."""
    _member(registry, Optimizer, "training.optimizer", config.training.optimizer)
    _member(registry, Schedule, "training.schedule", config.training.schedule)
    if isinstance(config, PretrainConfig):
        _member(registry, MaskingStrategy, "masking.strategy", config.masking.strategy)
        _loss(registry, config.model)


def _member(registry: Registry, kind: type[S], setting: str, name: str) -> S:
    try:
        return registry.find(kind, name)
    except PluginError as error:
        raise ConfigError(
            f"{setting} cannot be {name!r}: {error} (a plugin adds one with the hook {_HOOKS[kind]})"
        ) from error
