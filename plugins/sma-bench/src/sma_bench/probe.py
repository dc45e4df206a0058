"""`probe`: fit a linear model or nearest neighbours on the features of a frozen encoder.

`probe_features` says what the features of rows and positions are.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_bench.probe_features import check_position_layer, position_features, row_features
from sma_bench.probe_models import FeatureSet, ProbeName, fit_probe
from sma_core.config import FinetuneConfig
from sma_core.data.preparation.prepare import Progress
from sma_core.data.unusual_rows.truncation import truncation_warnings
from sma_core.devices.device import choose_device, seeded
from sma_core.documents import json_text
from sma_core.errors import ConfigError, UserError
from sma_core.evaluation.bootstrap import Interval, percentile_intervals
from sma_core.evaluation.splits import Part
from sma_core.feeds.feed import Feed
from sma_core.files import write_atomically
from sma_core.labels.labelled_rows import LabelledRows, read_labelled
from sma_core.models.build import build_network
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.pretrained import open_pretrained
from sma_core.models.vectors import check_layer
from sma_core.nn.model import SMA, Predictor
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import explain_missing_parts
from sma_core.runs.settings import Request, finetune_settings
from sma_core.training.finetuning.targets import is_per_position

CONFIDENCE = 0.95
LONGER = "; leave such rows out with data.truncate=false"
PARTS: tuple[Part, ...] = ("train", "valid", "test")


@dataclass(frozen=True)
class ProbeResult:
    """Metrics of a probe on frozen features.

    ``model`` is the run of the encoder, None for random weights; ``chosen`` is the penalty or number of neighbours
    that was best on validation. ``positions`` is the number of labelled positions used in each part, None for
    labels of rows. ``intervals`` are the 95 % intervals of the test metrics from resampled test rows; empty for
    labels of positions, which are no independent samples. ``kind_guess`` says what the kind was guessed from,
    empty if it was given; ``warnings`` are those of the rows.
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
    positions: dict[str, int] | None = None
    intervals: dict[str, Interval] = field(default_factory=dict)
    kind_guess: str = ""
    warnings: list[str] = field(default_factory=list)


def probe(
    domain: str | None = None,
    *,
    model: str | Path | None = None,
    random_weights: bool = False,
    task: str | None = None,
    data: str | Path | None = None,
    probe: ProbeName = "linear",
    layer: int | None = None,
    step: int | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    bootstrap: int = 1000,
    out: str | Path | None = None,
    force: bool = False,
    device: str = "auto",
    preparing: Progress | None = None,
    policy: PluginPolicy | None = None,
) -> ProbeResult:
    """Fit ridge or logistic regression, or nearest neighbours, on frozen features of a task's rows or positions.

    The encoder is not trained. Of the settings of `sma_core.finetune`, those of split, rows, batch size
    and seed are used. The penalty or number of neighbours is chosen on validation; the test part is scored once.

    Args:
        domain: The plugin that knows the data, or a Python file that does; may be omitted with ``model``.
        model: A pre-trained run.
        random_weights: Use a randomly initialised encoder.
        task: A task by name; empty: the domain's default.
        data: A file of your own instead of the task's set; then ``settings["targets"]`` names the columns.
        probe: ``linear`` or ``knn``.
        layer: Number of encoder layers to apply, 0 for the first attention only; None applies all.
        step: Step of the run's checkpoint, such as one of ``training.milestones``; None is the newest.
        recipe: Shipped settings to start from; empty: the pre-trained run's, else ``tiny``.
        config: A TOML file of settings that override the recipe.
        settings: Single settings by dotted name that override all others.
        bootstrap: Number of resamples of the test rows for the intervals; 0 computes none.
        out: File for the result as JSON, in the format of a fine-tuning's ``results.json``.
        force: Replace ``out`` if it exists.
        device: Where the encoder computes, in fp32.
        preparing: Called with rows read, kept and set aside while the data is prepared.
        policy: Which plugins may be used; empty: as the environment says.

    Raises:
        UserError: For anything the user can correct.
    """
    began = time.monotonic()
    model, out, config = as_path(model), as_path(out), as_path(config)
    inputs = [*local_files(data), *([] if config is None else [config])]
    check_outputs(out, inputs=inputs, force=force)
    request = Request.of(recipe, config, settings, data=data, task=task)
    domain, policy = named(domain, policy)
    if model is None and not random_weights:
        raise UserError("pass a pre-trained run with `model=RUN`, or `random_weights`")
    if random_weights and step is not None:
        raise UserError("random weights have no checkpoints: omit `step`, or `random_weights`")
    start = open_pretrained(domain, model, "a probe looks at", policy)
    with explain_missing_parts(model, start.record, policy):
        registry = Registry.load(start.domain, policy)
        resolved = finetune_settings(registry, request, start.settings).config
        if resolved.split.protocol == "authors":
            raise ConfigError(
                "a probe chooses its setting on validation rows, which split.protocol=authors has not: leave "
                "split.protocol at validation"
            )
        if resolved.weight is not None:
            raise ConfigError("a probe does not use weights of rows: leave out weight")
        feed = start.feed(registry, resolved.data)
    rows = read_labelled(registry, resolved, feed, preparing)
    module = _encoder(registry, resolved, rows.feed, None if random_weights else model, step, device, policy)
    check = check_position_layer if is_per_position(rows.kind) else check_layer
    depth = check(module, layer, str(model) if model else "the recipe's network")
    if not len(rows.parts["test"]):
        raise ConfigError("a probe is scored on test rows: leave split.test above 0")
    facts = _fitted(probe, module, rows, depth, resolved, bootstrap)
    facts["model"] = None if random_weights else model
    result = ProbeResult(domain=registry.reference, layer=depth, seconds=time.monotonic() - began, **facts)
    if out is not None:
        _write(out, result)
    return result


def _write(path: Path, result: ProbeResult) -> None:
    """Write the result as JSON; raises `UserError` when the file cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path.resolve(), json_text(asdict(result), indent=1) + "\n")
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def _fitted(
    probe: ProbeName,
    module: SMA | Predictor,
    rows: LabelledRows,
    layer: int,
    config: FinetuneConfig,
    bootstrap: int,
) -> dict[str, Any]:
    """Encode the three parts, fit the probe, and return the entries of the result for rows and figures."""
    positions = is_per_position(rows.kind)
    batch_size, seed = config.training.batch_size, config.split.seed

    def encoded(part: Part) -> FeatureSet:
        if positions:
            return position_features(module, rows, part, layer, batch_size, seed)
        return row_features(module, rows, part, layer, batch_size)

    parts = {part: encoded(part) for part in PARTS}
    fitted = fit_probe(probe, rows.metrics, rows.selection, len(rows.classes), *parts.values())
    labels = parts["test"].labels

    def resampled(drawn: NDArray[np.int64]) -> dict[str, float]:
        return rows.metrics.compute(labels[drawn], fitted.predictions[drawn])

    draws, summary = 0 if positions else bootstrap, rows.prepared.summary
    return {
        "task": rows.label,
        "kind": rows.kind,
        "metric": rows.selection.name,
        "probe": probe,
        "split": rows.split,
        "rows": rows.sizes(),
        "rejected": rows.rejected,
        "kind_guess": rows.guess,
        "warnings": [
            *truncation_warnings(summary.shortened, summary.kept, config.model.max_length, LONGER),
            *rows.warnings,
        ],
        "features": parts["train"].features.shape[1],
        "positions": {part: len(item.labels) for part, item in parts.items()} if positions else None,
        "chosen": fitted.chosen,
        "valid": fitted.valid,
        "test": fitted.test,
        "intervals": percentile_intervals(resampled, len(labels), draws, CONFIDENCE, seed),
    }


def _encoder(
    registry: Registry,
    config: FinetuneConfig,
    feed: Feed,
    model: Path | None,
    step: int | None,
    device: str,
    policy: PluginPolicy | None,
) -> SMA | Predictor:
    """Load the encoder, or initialise one as training would."""
    if model is not None:
        return LoadedRun.load(model, device, policy, step=step).module
    with seeded(config.training.seed):
        return build_network(registry, config.model, feed.inputs).to(choose_device(device)).eval()
