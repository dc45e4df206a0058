"""Conversion of weights between the authors' checkpoints and our modules.

Reading a file never executes code: it is safetensors, or a ``.bin`` loaded with ``weights_only=True``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sma_authors.settings import AuthorsModel, read_settings
from sma_authors.tensor_names import canonical, copies, official_names
from sma_core.documents import read_document
from sma_core.errors import CheckpointError
from sma_core.nn.heads import DecoderHead, MeanHead
from sma_core.nn.model import SMA, Predictor

CONFIG, SAFETENSORS, BIN = "config.json", "model.safetensors", "pytorch_model.bin"


@dataclass(frozen=True)
class Checkpoint:
    """Checkpoint of the authors' code: parsed ``config.json``, our settings, and the tensors by first name."""

    folder: Path
    facts: dict[str, Any]
    settings: AuthorsModel
    weights: dict[str, Tensor]


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read ``config.json`` and the weights of a folder; raise `CheckpointError` if one is missing or damaged."""
    try:
        facts = json.loads(read_document(folder / CONFIG))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CheckpointError(
            f"{folder / CONFIG} cannot be read: {reason}; pass a folder that has this file"
        ) from error
    try:
        settings = read_settings(facts)
    except CheckpointError as error:
        raise CheckpointError(f"{folder}: {error}") from error
    return Checkpoint(folder, facts, settings, _first_names(_read_tensors(folder), folder))


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    for name in (SAFETENSORS, BIN):
        path = folder / name
        if not path.is_file():
            continue
        try:
            if name == SAFETENSORS:
                return load_file(path)
            tensors: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
            return tensors
        except Exception as error:  # torch raises many types of errors for damaged files
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise CheckpointError(f"{path} cannot be read: {reason}; download it again") from error
    raise CheckpointError(f"{folder} has neither {SAFETENSORS} nor {BIN}; pass the folder with the weights")


def _first_names(tensors: Mapping[str, Any], folder: Path) -> dict[str, Tensor]:
    """Return the tensors by first name, without duplicates; raise `CheckpointError` if duplicates differ."""
    kept: dict[str, Tensor] = {}
    origin: dict[str, str] = {}
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor):
            raise CheckpointError(
                f"{folder}: {name!r} in the weights is not a tensor; expected a plain state dict"
            )
        first = canonical(name)
        tensor = tensor.float() if tensor.is_floating_point() else tensor
        if first in kept and not torch.equal(kept[first], tensor):
            raise CheckpointError(
                f"{folder}: {origin[first]} and {name} must be equal but differ; the file is damaged"
            )
        kept[first], origin[first] = tensor, name
    return kept


def build_predictor(settings: AuthorsModel) -> Predictor:
    """Build the network with a head described by ``settings``, with newly initialized weights."""
    whole = SMA(settings.model, settings.inputs)
    head = (MeanHead if settings.head == "mean" else DecoderHead)(settings.model, settings.outputs)
    return Predictor(whole.embed, whole.encoder, head)


def official_parts(module: nn.Module, mean_head: bool = False) -> dict[str, list[str]]:
    """Return their names of the parts of every parameter of ``module``."""
    return {name: official_names(name, mean_head) for name, _ in module.named_parameters()}


def take_over(module: nn.Module, checkpoint: Checkpoint) -> list[str]:
    """Load the weights into ``module`` and return the names of the tensors it does not use.

    Raises `CheckpointError` if a tensor is missing or has a different shape.
    """
    weights, filled = checkpoint.weights, {}
    parts = official_parts(module, checkpoint.settings.head == "mean")
    for name, parameter in module.named_parameters():
        missing = [part for part in parts[name] if part not in weights]
        if missing:
            raise CheckpointError(
                f"{checkpoint.folder}: the weights lack {missing[0]}, which config.json requires"
            )
        filled[name] = torch.cat([weights[part] for part in parts[name]])
        if filled[name].shape != parameter.shape:
            raise CheckpointError(
                f"{checkpoint.folder}: {' + '.join(parts[name])} has shape {tuple(filled[name].shape)}, but "
                f"config.json requires {tuple(parameter.shape)}"
            )
    module.load_state_dict(filled)
    used = {part for group in parts.values() for part in group}
    return sorted(weights.keys() - used)


def split_back(module: nn.Module, ours: Mapping[str, Tensor], mean_head: bool = False) -> dict[str, Tensor]:
    """Split tensors by our names (weights or gradients) into theirs, by first name."""
    rows = _row_counts(module)
    theirs: dict[str, Tensor] = {}
    for name, tensor in ours.items():
        names = official_names(name, mean_head)
        pieces = torch.split(tensor, rows[name]) if len(names) > 1 else (tensor,)
        theirs |= dict(zip(names, pieces, strict=True))
    return theirs


def _row_counts(module: nn.Module) -> dict[str, list[int]]:
    """Return the numbers of rows of the parts of each fused projection, by our parameter name."""
    counts: dict[str, list[int]] = {}
    for prefix, layer in module.named_modules():
        settings = getattr(layer, "settings", None)
        if settings is None:
            continue
        wide, narrow = settings.width, settings.query_key_width
        for kind in ("weight", "bias"):
            counts[f"{prefix}.key_value.{kind}"] = [narrow, wide]
            counts[f"{prefix}.query_key_value.{kind}"] = [narrow, narrow, wide]
    return counts


def with_copies(weights: Mapping[str, Tensor], settings: AuthorsModel) -> dict[str, Tensor]:
    """Return copies of the tensors under all names that their files store them under."""
    pretraining = settings.head is None
    shared = settings.model.decoder.shared_embedding
    return {
        copy: tensor.clone()
        for name, tensor in weights.items()
        for copy in copies(name, pretraining, shared, settings.head == "decoder")
    }
