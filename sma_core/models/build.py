"""Run folders as models: build the network a run describes and put its weights in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from sma_core.checkpoints.store import StoredCheckpoint
from sma_core.config import ModelConfig
from sma_core.devices.parallel import load_full_state
from sma_core.errors import CheckpointError, ConfigError
from sma_core.nn.inputs import Inputs
from sma_core.nn.model import SMA, Predictor
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Head
from sma_core.runs.run_folder import RunFolder
from sma_core.training.targets import is_per_position

ENCODER_PARTS = ("embed.", "encoder.")
POSITION_HEAD, ROW_HEAD = "position", "decoder"
"""Heads for labels of every position and of rows, when the domain's own is of the other sort."""


def build_predictor(registry: Registry, model: ModelConfig, inputs: Inputs, head: str, outputs: int) -> Predictor:
    """Build embedding, encoder and head with fresh weights from torch's generator."""
    factory = registry.build(registry.find(Head, head))
    whole = SMA(model, inputs)
    head_module: nn.Module = factory(model, outputs)
    return Predictor(whole.embed, whole.encoder, head_module)


def choose_head(registry: Registry, wanted: str | None, kind: str) -> str:
    """Return the head called ``wanted``, or the one for labels of this kind.

    Raises `ConfigError` when a head that answers once for a row meets labels of every position, or the reverse.
    """
    each = is_per_position(kind)
    own = registry.domain.head
    if wanted is None and registry.find(Head, own).per_position != each:
        own = POSITION_HEAD if each else ROW_HEAD
    head = registry.find(Head, wanted or own)
    if head.per_position != each:
        gives, need = (
            ("every position", "each row has one") if head.per_position else ("a row", "every position has one")
        )
        fitting = ", ".join(spec.name for spec in registry.specs(Head) if spec.per_position == each)
        raise ConfigError(
            f"the head {head.name!r} gives an answer for {gives}, but of {kind} labels {need}: "
            f"use --head {fitting}"
        )
    return head.name


def load_encoder(module: Predictor, run: RunFolder) -> None:
    """Put the embedding and encoder weights of a pre-trained run's newest checkpoint into ``module``.

    Not those of the lowest held-out loss: under guided masking that is the loss on the model's own masks,
    which grow harder as it learns, so the losses of different steps do not compare. Raises
    `CheckpointError` naming the first tensor that is missing or of another shape.
    """
    found = present(run.checkpoints.latest(), run).model()
    weights = {name: tensor for name, tensor in found.items() if name.startswith(ENCODER_PARTS)}
    own = {name: value for name, value in module.state_dict().items() if name.startswith(ENCODER_PARTS)}
    _refuse_misfit(own, weights, run.path)
    module.load_state_dict(weights, strict=False)


def load_weights(module: nn.Module, run: RunFolder) -> StoredCheckpoint:
    """Put all weights of the run's best checkpoint into ``module`` and return the checkpoint."""
    checkpoint = present(run.checkpoints.best(), run)
    put_weights(module, checkpoint.model(), run.path)
    return checkpoint


def put_weights(module: nn.Module, weights: Mapping[str, Tensor], path: Path) -> None:
    """Put all weights of the run at ``path`` into ``module``; raises `CheckpointError` as `load_encoder` does."""
    _refuse_misfit(module.state_dict(), weights, path)
    load_full_state(module, weights)


def present(checkpoint: StoredCheckpoint | None, run: RunFolder) -> StoredCheckpoint:
    """Return the checkpoint; raises `CheckpointError` when the run has none."""
    if checkpoint is None:
        raise CheckpointError(
            f"{run.path} has no checkpoint yet: let it train on with sma {run.record().verb} --resume {run.path}"
        )
    return checkpoint


def _refuse_misfit(own: Mapping[str, Any], weights: Mapping[str, Tensor], path: Path) -> None:
    for name in sorted(own.keys() | weights.keys()):
        here = tuple(own[name].shape) if name in own else "nothing"
        there = tuple(weights[name].shape) if name in weights else "nothing"
        if here != there:
            raise CheckpointError(
                f"the weights of {path} do not fit the settings: {name} is {there} there and {here} here; "
                "leave the model's shape as the run has it"
            )
