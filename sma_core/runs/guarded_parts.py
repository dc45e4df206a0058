"""Guard the parts of the method that plugins provide: a wrong result or an exception is one sentence.

Each function takes a plugin's factory, and returns what it gives guarded; parts of the core need none. The
sentence begins with ``part``, such as "the head 'own' of sma-lab 1.0".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from sma_core.config import ModelConfig, TrainingConfig
from sma_core.errors import PluginError
from sma_core.nn.encoders.encoder import Encoder, EncoderFactory, Latents
from sma_core.nn.losses.reconstruction import ReconstructionLoss
from sma_core.nn.part_faults import (
    HeadFault,
    Looks,
    LossFault,
    fault_of_latents,
    fault_of_numbers,
    fault_of_projection,
    fault_of_vectors,
)
from sma_core.nn.positions.protocol import PositionFactory
from sma_core.nn.strategies.guarded import GuardedStrategy
from sma_core.nn.strategies.protocol import Strategy
from sma_core.plugin_calls import Guarded, errors_of, given, guard, is_number
from sma_core.training.finetuning.augmentation import Augmenter
from sma_core.training.optimizers.groups import OptimizerFactory
from sma_core.training.schedules.rate import ScheduleFunction


def built(part: str, factory: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - see the specs
    """Call a plugin's factory; raises `PluginError` when it raises."""
    with errors_of(f"the factory of {part}"):
        return factory(*arguments)


def _module(part: str, module: object) -> nn.Module:
    if not isinstance(module, nn.Module):
        raise PluginError(f"the factory of {part} must return a torch.nn.Module, not {given(module)}")
    return module


def guarded_head(
    part: str, factory: Callable[..., Any], model: ModelConfig, outputs: int, per_position: bool
) -> nn.Module:
    """Build a head whose outputs are checked."""
    head = _module(part, built(part, factory, model, outputs))
    guard(head, "forward", part, HeadFault(head, outputs, per_position))
    return head


def guarded_strategy(part: str, factory: Callable[..., Any], options: object) -> Strategy:
    """Build a masking strategy whose masks are checked."""
    return GuardedStrategy(built(part, factory, options), part)


def guarded_loss(part: str, factory: Callable[..., Any], decoder: object) -> ReconstructionLoss:
    """Build a loss whose results are checked."""
    return Guarded(_function(part, built(part, factory, decoder)), part, LossFault())


def guarded_augmentation(part: str, factory: Callable[..., Any], model: ModelConfig, options: object) -> Augmenter:
    """Build an augmentation, whose results `Augmenter` checks."""
    return Augmenter(_function(part, built(part, factory, model, options)), part)


def _function(part: str, function: object) -> Callable[..., Any]:
    if not callable(function):
        raise PluginError(f"the factory of {part} must return a function, not {given(function)}")
    return function


def guarded_positions(part: str, factory: Callable[..., Any]) -> PositionFactory:
    """Return a factory of position embeddings whose vectors are checked."""

    def checked(config: ModelConfig, width: int) -> nn.Module | None:
        module = built(part, factory, config, width)
        if module is None:
            return None
        positions = _module(part, module)
        guard(positions, "forward", part, partial(_vectors, width, Looks()))
        return positions

    return checked


def _vectors(width: int, looks: Looks, vectors: object, length: int) -> str | None:
    fault = fault_of_vectors(vectors, length, width)
    return fault_of_numbers(vectors, looks) if fault is None and isinstance(vectors, Tensor) else fault


def guarded_encoder(part: str, factory: Callable[..., Any]) -> EncoderFactory:
    """Return a factory of encoders whose vectors are checked; raises `PluginError` for another type."""

    def checked(config: ModelConfig) -> Encoder:
        encoder = built(part, factory, config)
        if not isinstance(encoder, Encoder):
            raise PluginError(
                f"{part} must be a subclass of sma_core.nn.encoders.encoder.Encoder, not {type(encoder).__name__}"
            )
        width = config.latent_width
        guard(encoder, "query_count", part, _count)
        guard(encoder, "project", part, lambda projected, _: fault_of_projection(projected))
        guard(encoder, "enter", part, partial(_entered, width))
        guard(encoder, "trunk", part, partial(_trunk, width, Looks()))
        guard(encoder, "forward", part, partial(_encoded, width, Looks()))
        return encoder

    return checked


def _count(count: object, _: int) -> str | None:
    return None if isinstance(count, int) and count > 0 else f"a whole number from 1, not {count!r:.60}"


def _entered(width: int, latents: object, _: object, embedded: Tensor, *others: object) -> str | None:
    return fault_of_latents(latents, len(embedded), width)


def _trunk(width: int, looks: Looks, latents: object, entered: Latents, *others: object) -> str | None:
    fault = fault_of_latents(latents, len(entered.values), width)
    if fault is not None or not isinstance(latents, Latents):
        return fault
    return fault_of_numbers(_real(latents), looks, _real(entered))


def _encoded(width: int, looks: Looks, latents: object, embedded: Tensor, *others: object) -> str | None:
    fault = fault_of_latents(latents, len(embedded), width)
    if fault is not None or not isinstance(latents, Latents):
        return fault
    return fault_of_numbers(_real(latents), looks, embedded)


def _real(latents: Latents) -> Tensor:
    """Return the vectors of a batch, zeros where they are padding, whose values are undefined."""
    if latents.real is None:
        return latents.values
    return latents.values.masked_fill(~latents.real[:, :, None], 0.0)


def guarded_optimizer(part: str, factory: Callable[..., Any]) -> OptimizerFactory:
    """Return a factory of optimisers that are checked to have all parameters."""

    def checked(groups: list[dict[str, Any]], config: TrainingConfig) -> torch.optim.Optimizer:
        wanted = {id(parameter) for group in groups for parameter in group["params"]}
        optimizer = built(part, factory, groups, config)
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise PluginError(f"the factory of {part} must return a torch.optim.Optimizer, not {given(optimizer)}")
        has = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        if not wanted <= has:
            raise PluginError(
                f"the factory of {part} must pass all groups to the optimiser, which lacks {len(wanted - has):,} "
                f"of {len(wanted):,} parameters: they would not be trained"
            )
        guard(optimizer, "step", part, lambda *_: None)
        return optimizer

    return checked


def guarded_schedule(part: str, function: Callable[..., Any]) -> ScheduleFunction:
    """Return a schedule that is checked to return finite numbers from 0."""
    return Guarded(function, part, _fault_of_factor)


def _fault_of_factor(factor: Any, step: int, steps: int) -> str | None:  # noqa: ANN401 - whatever the plugin gives
    """Return what a schedule must return at ``step`` of ``steps``, both counted after the warm-up."""
    if not is_number(factor):
        return f"a number, not {given(factor)}"
    if math.isfinite(factor) and factor >= 0.0:
        return None
    return f"a finite factor >= 0, not {float(factor):g}, as for step {step:,} of {steps:,} after the warm-up"
