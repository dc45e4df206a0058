"""`probe`: fit a linear model or nearest neighbours on the features of a frozen encoder."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sma_bench.probe_models import FeatureSet, ProbeName, fit_probe
from sma_core.config import FinetuneConfig
from sma_core.data.preparation.prepare import Progress
from sma_core.devices.device import choose_device, seeded
from sma_core.errors import ConfigError, UserError
from sma_core.evaluation.splits import Part
from sma_core.feeds.feed import Feed
from sma_core.files import as_path
from sma_core.labels.labelled_rows import LabelledRows, read_labelled
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.pretrained import open_pretrained
from sma_core.models.vectors import check_layer, latents_of
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA, Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import explain_missing_parts
from sma_core.runs.settings import Request, finetune_settings
from sma_core.training.targets import is_per_position

ROWS_IN_BLOCK = 4096
"""Number of rows batched at a time."""


@dataclass(frozen=True)
class ProbeResult:
    """Metrics of a probe on frozen features.

    ``model`` is the run of the encoder, None for random weights; ``chosen`` is the penalty or number of neighbours
    that was best on validation.
    """

    model: Path | None
    domain: str
    task: str
    kind: str
    metric: str
    probe: ProbeName
    layer: int
    features: int
    chosen: float
    rows: dict[str, int]
    split: str
    rejected: int
    seconds: float
    valid: dict[str, float]
    test: dict[str, float]


def probe(
    domain: str | None = None,
    *,
    model: str | Path | None = None,
    random_weights: bool = False,
    task: str | None = None,
    data: str | Path | None = None,
    probe: ProbeName = "linear",
    layer: int | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    device: str = "auto",
    preparing: Progress | None = None,
    policy: PluginPolicy | None = None,
) -> ProbeResult:
    """Fit ridge or logistic regression, or nearest neighbours, on the mean latents of a task's rows.

    The encoder is not trained. Of the settings of `sma_core.finetune`, those of split, rows, batch size
    and seed are used. The penalty or number of neighbours is chosen on validation.

    Args:
        domain: The plugin that knows the data, or a Python file that does; may be omitted with ``model``.
        model: A pre-trained run.
        random_weights: Use a randomly initialised encoder.
        task: A task by name; empty: the domain's default.
        data: A file of your own instead of the task's set; then ``settings["targets"]`` names the columns.
        probe: ``linear`` or ``knn``.
        layer: Number of encoder layers to apply, 0 for the first attention only; None applies all.
        recipe: Shipped settings to start from; empty: the pre-trained run's, else ``tiny``.
        config: A TOML file of settings that override the recipe.
        settings: Single settings by dotted name that override all others.
        device: Where the encoder computes, in fp32.
        preparing: Called with rows read, kept and set aside while the data is prepared.
        policy: Which plugins may be used; empty: as the environment says.

    Raises:
        UserError: For anything the user can correct.
    """
    began = time.monotonic()
    model = as_path(model)
    request = Request.of(recipe, config, settings, data=data, task=task)
    domain, policy = named(domain, policy)
    if model is None and not random_weights:
        raise UserError("pass a pre-trained run with --model RUN, or --random-weights")
    start = open_pretrained(domain, model, "a probe looks at", policy)
    with explain_missing_parts(model, start.record, policy):
        registry = Registry.load(start.domain, policy)
        resolved = finetune_settings(registry, request, start.settings).config
        if resolved.split.protocol == "authors":
            raise ConfigError(
                "a probe chooses its setting on validation rows, which split.protocol=authors has not: leave "
                "split.protocol at validation"
            )
        feed = start.feed(registry, resolved.data)
    module = _encoder(resolved, feed, None if random_weights else model, device, policy)
    depth = check_layer(module, layer, str(model) if model else "the recipe's network")
    rows = read_labelled(registry, resolved, feed, preparing)
    facts = _fitted(probe, module, rows, depth, resolved) | {"model": None if random_weights else model}
    return ProbeResult(domain=registry.reference, layer=depth, seconds=time.monotonic() - began, **facts)


def _fitted(
    probe: ProbeName, module: SMA | Predictor, rows: LabelledRows, layer: int, config: FinetuneConfig
) -> dict[str, Any]:
    """Encode the three parts, fit the probe, and return the entries of the result for rows and figures."""
    if is_per_position(rows.kind):
        raise ConfigError(f"{rows.label} has labels of positions, but a probe uses one vector per row")
    parts = [_part(module, rows, part, layer, config) for part in ("train", "valid", "test")]
    fitted = fit_probe(probe, rows.metrics, rows.selection, len(rows.classes), *parts)
    return {
        "task": rows.label,
        "kind": rows.kind,
        "metric": rows.selection.name,
        "probe": probe,
        "split": rows.split,
        "rows": rows.sizes(),
        "rejected": rows.rejected,
        "features": parts[0].features.shape[1],
        **asdict(fitted),
    }


def _encoder(
    config: FinetuneConfig, feed: Feed, model: Path | None, device: str, policy: PluginPolicy | None
) -> SMA | Predictor:
    """Load the encoder, or initialise one as training would."""
    if model is not None:
        return LoadedRun.load(model, device, policy).module
    with seeded(config.training.seed):
        return SMA(config.model, feed.inputs).to(choose_device(device)).eval()


def _part(
    module: SMA | Predictor, rows: LabelledRows, part: Part, layer: int, config: FinetuneConfig
) -> FeatureSet:
    """Encode the rows of a part: features (n, D) and labels (n, T), in the part's order."""
    width, batch_size = config.model.latent_width, config.training.batch_size
    device = next(module.parameters()).device
    indices = rows.parts[part]
    places = np.zeros(len(rows.store), dtype=np.int64)
    places[indices] = np.arange(len(indices))
    features = np.empty((len(indices), width), dtype=np.float64)
    for start in range(0, len(indices), ROWS_IN_BLOCK):
        block = indices[start : start + ROWS_IN_BLOCK]
        for batch in rows.feed.fixed_batches(rows.store, block, batch_size, rows.max_length):
            with torch.inference_mode():
                vectors = mean_latents(latents_of(module, batch.to(device), layer))  # (B, D)
            features[places[batch.rows]] = vectors.double().cpu().numpy()
    return FeatureSet(features, rows.labels(part))
