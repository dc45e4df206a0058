"""Import a checkpoint of the authors' code as a run folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from torch import nn

from sma_authors.settings import AuthorsModel
from sma_authors.weights import Checkpoint, build_predictor, read_checkpoint, take_over
from sma_core.config import FinetuneConfig, MaskingConfig, PretrainConfig, TrainingConfig
from sma_core.data.scaling import FeatureScale
from sma_core.errors import CheckpointError, UserError
from sma_core.feeds.feed import Feed
from sma_core.feeds.text import TextFeed
from sma_core.feeds.values import ValueFeed
from sma_core.nn.inputs import DiscreteInputs
from sma_core.nn.model import SMA
from sma_core.nn.parameters import parameter_count
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet
from sma_core.printable import counted
from sma_core.runs.provenance import origin_of
from sma_core.runs.record import RunRecord
from sma_core.runs.run_folder import RunFolder
from sma_core.sources.data_sets import cache_folder
from sma_core.sources.hub import fetch_model
from sma_core.training.finetuning.targets import Targets

logger = logging.getLogger("sma")

KINDS = {
    "regression": "regression",
    "single_label_classification": "multiclass",
    "multi_label_classification": "multilabel",
}
"""The authors' ``problem_type`` -> our kind of task."""


@dataclass(frozen=True)
class ImportResult:
    """Imported run: its folder, type (``pre-trained`` or ``fine-tuned``), size, and unused tensors."""

    run: Path
    domain: str
    what: str
    parameters: int
    left_out: list[str]


def import_authors(
    source: str | Path,
    domain: str,
    *,
    out: str | Path | None = None,
    kind: str | None = None,
    targets: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    policy: PluginPolicy | None = None,
) -> ImportResult:
    """Create a run folder from ``config.json`` and weights in the authors' format.

    A pre-training model becomes a run of `train`, which can be trained further; a classification model becomes a
    run of `finetune`. The domain's tokenizer must have the vocabulary size of the model. Numeric features are not
    standardized.

    Args:
        source: A folder, or the name of a model on the hub, ``owner/name``.
        domain: Name of the domain of the model's inputs.
        out: Folder of the run. Default: a new folder in ``runs/``.
        kind: Kind of a classification model's task. Default: from its ``problem_type``.
        targets: Names of the model's outputs or of its single target. Default: the labels in ``config.json``.
        columns: Names of numeric features. Default: the columns of the domain's default data set.
        policy: Which plugins may be loaded. Default: as set in the environment.

    Raises:
        CheckpointError: The files are missing or damaged, or a setting is not supported.
        UserError: The domain does not match the model, or ``out`` is in use.
    """
    checkpoint = read_checkpoint(_folder(str(source)))
    registry = Registry.load_named(domain, policy)
    feed = _feed(registry, checkpoint, columns)
    settings = checkpoint.settings
    if settings.head is None:
        module: nn.Module = SMA(settings.model, settings.inputs)
        config, entries = _pretrained(registry, settings)
    else:
        module = build_predictor(settings)
        config, entries = _finetuned(registry, checkpoint, kind, targets)
    left_out = take_over(module, checkpoint)
    run = RunFolder.create(as_path(out), f"{registry.name}-authors")
    run.write_config(config)
    run.write_environment(registry.packages)
    run.checkpoints.save(0, module.state_dict(), {}, {})
    run.write_record(
        RunRecord(imported=str(source), finished=True, **entries, **origin_of(registry), **feed.record())
    )
    what = "pre-trained" if settings.head is None else "fine-tuned"
    return ImportResult(run.path, domain, what, parameter_count(module), left_out)


def _folder(source: str) -> Path:
    """Return the folder that ``source`` is or that contains it; download ``source`` if it is a hub name."""
    path = as_path(source)
    if not path.exists():
        path = fetch_model(source, cache_folder() / "models")
    return path if path.is_dir() else path.parent


def _feed(registry: Registry, checkpoint: Checkpoint, columns: Sequence[str] | None) -> Feed:
    """Return the domain's feed; raise `UserError` if it does not match the model's inputs."""
    inputs, longest = checkpoint.settings.inputs, checkpoint.settings.model.max_length
    kind = "discrete" if isinstance(inputs, DiscreteInputs) else "continuous"
    if kind != registry.domain.input_kind:
        raise UserError(
            f"{checkpoint.folder} expects {kind} inputs, but inputs of the domain {registry.name!r} are "
            f"{registry.domain.input_kind}; choose another `domain`"
        )
    if isinstance(inputs, DiscreteInputs):
        feed = TextFeed.of(registry)
        if feed.inputs != inputs:
            raise UserError(
                f"{checkpoint.folder} has a vocabulary of {inputs.vocabulary_size} tokens, but the tokenizer of "
                f"the domain {registry.name!r} has {feed.inputs.vocabulary_size}; use the domain it was trained on"
            )
        return feed
    if inputs.channels != 1:
        raise UserError(f"{checkpoint.folder} expects {inputs.channels} input channels; only 1 is supported")
    names = tuple(columns or registry.find(DataSet, registry.domain.dataset).columns)
    if len(names) != longest:
        raise UserError(
            f"{checkpoint.folder} expects {counted(longest, 'feature')}, but got {len(names)} "
            f"names; pass all with `columns`"
        )
    return ValueFeed(FeatureScale(names, (0.0,) * longest, (1.0,) * longest))


def _pretrained(registry: Registry, settings: AuthorsModel) -> tuple[BaseModel, dict[str, Any]]:
    if settings.masking is None:
        logger.warning("config.json has no supported masking function; the run uses the defaults of [masking]")
    config = PretrainConfig(
        domain=registry.name,
        model=settings.model,
        masking=settings.masking or MaskingConfig(),
        training=TrainingConfig(steps=1000),
    )
    return config, {"verb": "train"}


def _finetuned(
    registry: Registry, checkpoint: Checkpoint, kind: str | None, names: Sequence[str] | None
) -> tuple[BaseModel, dict[str, Any]]:
    settings = checkpoint.settings
    labels = [str(label) for _, label in sorted((checkpoint.facts.get("id2label") or {}).items(), key=_number)]
    targets = _targets(settings, labels, kind, names, checkpoint.folder)
    config = FinetuneConfig(
        domain=registry.name, targets=targets.names, kind=targets.kind, head=settings.head, model=settings.model
    )
    return config, {"verb": "finetune", "task": "imported", "targets": targets, "head": settings.head}


def _targets(
    settings: AuthorsModel, labels: list[str], kind: str | None, names: Sequence[str] | None, folder: Path
) -> Targets:
    """Return the targets of the outputs, with mean 0 and spread 1: the outputs are not rescaled."""
    kind = kind or KINDS.get(settings.problem or "")
    if kind is None:
        raise CheckpointError(
            f"{folder}: config.json has no known problem_type for its {settings.outputs} outputs; pass `kind` "
            "regression, binary, multilabel or multiclass"
        )
    outputs = (
        labels if len(labels) == settings.outputs else [f"LABEL_{index}" for index in range(settings.outputs)]
    )
    if kind == "multilabel" and len(outputs) == 1:
        kind = "binary"
    own = tuple(names or (("label",) if kind == "multiclass" else outputs))
    expected = 1 if kind in ("multiclass", "binary") else settings.outputs
    if len(own) != expected:
        raise UserError(f"{folder} needs {expected} target names, but got {len(own)}; pass them with `targets`")
    scale = {"mean": (0.0,) * len(own), "spread": (1.0,) * len(own)}
    return Targets.from_json({"kind": kind, "names": own, "classes": outputs, **scale})


def _number(item: tuple[str, Any]) -> int:
    return int(item[0])
