"""Export a run as a checkpoint that the authors' code can load."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from sma_authors.settings import AuthorsModel
from sma_authors.settings_export import can_express, write_settings
from sma_authors.weights import CONFIG, SAFETENSORS, build_predictor, split_back, with_copies
from sma_core.config import PretrainConfig
from sma_core.errors import CheckpointError, UserError
from sma_core.files import flush, publish_folder, remove_folder, temporary_name
from sma_core.models.loaded_run import RunContents
from sma_core.nn.inputs import ContinuousInputs, DiscreteInputs, Inputs
from sma_core.nn.model import SMA
from sma_core.paths import as_path
from sma_core.training.finetuning.targets import Regression

logger = logging.getLogger("sma")

MISSING = "embed.missing"
"""Name of the vectors of missing values."""
PROBLEMS = {
    "regression": "regression",
    "binary": "multi_label_classification",
    "multilabel": "multi_label_classification",
    "multiclass": "single_label_classification",
}
"""Our kind of task -> the authors' ``problem_type``."""


@dataclass(frozen=True)
class ExportResult:
    """Exported folder, with its numbers of tensors and parameters (tied tensors are counted once)."""

    out: Path
    tensors: int
    parameters: int


def export_authors(run: str | Path, out: str | Path) -> ExportResult:
    """Write ``config.json`` and ``model.safetensors`` in the authors' format.

    The newest checkpoint of a pre-trained run becomes their pre-training model; the best checkpoint of a
    fine-tuned run becomes their classification model. For regression, the label scale is folded into the last
    linear layer, so the outputs are in the labels' units.

    Raises:
        CheckpointError: ``run`` is not a run, is damaged, or has settings that the authors' code does not support.
        UserError: ``out`` exists and is not empty, or cannot be written.
    """
    out = as_path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} already exists and is not empty; choose another `out`")
    contents = RunContents.read(as_path(run))
    if (vectors := contents.weights.pop(MISSING, None)) is not None and bool(vectors.any()):
        raise CheckpointError(
            f"{contents.path} has learned vectors of missing values, which the authors' code does not have: train "
            "with model.missing_values=mean"
        )
    settings, weights = _finetuned(contents) if contents.record.is_finetuned else _pretrained(contents)
    described = write_settings(settings)
    with torch.device("meta"):
        module = SMA(settings.model, settings.inputs) if settings.head is None else build_predictor(settings)
    official = split_back(module, weights, settings.head == "mean")
    _write(out, described, with_copies(official, settings))
    return ExportResult(out, len(official), sum(tensor.numel() for tensor in official.values()))


def _pretrained(run: RunContents) -> tuple[AuthorsModel, dict[str, Tensor]]:
    config = run.config()
    assert isinstance(config, PretrainConfig), "the run is a pre-trained one"
    if not can_express(config.masking):
        logger.warning("the authors' code does not support this run's masking; the exported config.json sets none")
    return AuthorsModel(config.model, _inputs_of(run.weights), config.masking, None, 0, None), run.weights


def _finetuned(run: RunContents) -> tuple[AuthorsModel, dict[str, Tensor]]:
    config, targets = run.config(), run.record.targets
    assert targets is not None, "the run is a fine-tuned one"
    if bool(run.weights.get("probe.active", False)):
        raise UserError(
            f"{run.path} is a linear probe (step 0), which the authors' code does not have: use "
            "sma finetune --set training.probe_fallback=false"
        )
    weights = {name: tensor for name, tensor in run.weights.items() if not name.startswith("probe.")}
    if "head.output.bias" in weights and isinstance(targets, Regression):
        spread, mean = torch.tensor(targets.spread), torch.tensor(targets.mean)
        weights["head.output.weight"] = weights["head.output.weight"] * spread[:, None]
        weights["head.output.bias"] = weights["head.output.bias"] * spread + mean
    outputs = len(weights["head.output.bias"]) if "head.output.bias" in weights else 0
    problem = PROBLEMS.get(targets.kind)
    return AuthorsModel(config.model, _inputs_of(weights), None, run.record.head, outputs, problem), weights


def _inputs_of(weights: dict[str, Tensor]) -> Inputs:
    """Infer the model's inputs from the shape of its embedding."""
    if "embed.tokens.weight" in weights:
        return DiscreteInputs(len(weights["embed.tokens.weight"]))
    return ContinuousInputs(weights["embed.projection.weight"].shape[1])


def _write(out: Path, described: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Write the folder atomically: under a temporary name that is then renamed."""
    building = temporary_name(out)
    try:
        building.mkdir(parents=True)
        (building / CONFIG).write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
        contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
        save_file(contiguous, building / SAFETENSORS, metadata={"format": "pt"})
        flush(building / SAFETENSORS)
        if out.is_dir():
            out.rmdir()
        publish_folder(building, out)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        remove_folder(building)
