"""`evaluate`: metrics of a fine-tuned run on its own rows or a labelled file, with confidence intervals."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch

from sma_core.config import FinetuneConfig
from sma_core.data.preparation.prepare import Progress
from sma_core.data.unusual_rows.truncation import truncation_warnings
from sma_core.devices.device import autocast
from sma_core.documents import json_text
from sma_core.errors import ConfigError, DataError
from sma_core.evaluation.bootstrap import percentile_intervals
from sma_core.evaluation.metric_set import beyond_range
from sma_core.evaluation.splits import PARTS, Part
from sma_core.files import write_atomically
from sma_core.labels.labelled_file import LabelledFile, read_labelled_file, with_the_models_classes
from sma_core.labels.labelled_rows import LabelledRows, check_same_rows, read_labelled
from sma_core.labels.windowed_predictions import WHOLE, predict_in_windows
from sma_core.models.added_columns import AddedColumns, Wanted
from sma_core.models.ensemble import Ensemble
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.model import Predictor
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.provenance import explain_missing_parts
from sma_core.runs.results import Estimate, EvaluateResult
from sma_core.runs.run_folder import RunFolder
from sma_core.training.finetuning.constant_predictions import constant_predictions
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions, predict_labelled
from sma_core.training.finetuning.weightless_classes import weightless_classes
from sma_core.writers.evaluation_table import write_rows

JudgedPart = Literal["test", "valid", "train", "all"]
LONGER = "; `window_overlap=N` reads them whole"
"""Advice when many rows are truncated."""
_Key: TypeAlias = tuple[str, str]
"""A target's name (empty for the mean over targets) and a metric's name."""
_UNWEIGHTED = "the run was trained with the weights {!r}, but these metrics are not weighted: pass `weight`"


@dataclass(frozen=True)
class _Draws:
    """How bootstrap confidence intervals are computed."""

    number: int
    confidence: float
    seed: int

    def check(self) -> None:
        """Raise `ConfigError` for values out of range."""
        if self.number < 0 or not 0.0 < self.confidence < 1.0 or self.seed < 0:
            raise ConfigError(
                "`bootstrap` must be 0 or more (0: no intervals), `confidence` between 0 and 1 such as 0.95, "
                "`seed` 0 or more"
            )


@dataclass(frozen=True)
class EvaluatedRows:
    """Rows of a fine-tuned run, their labels and predictions in file order, and the metrics of these."""

    rows: LabelledRows
    judged: LabelledPredictions
    result: EvaluateResult


def evaluate(
    model: Path | str,
    *,
    data: Path | str | None = None,
    column: str | None = None,
    targets: Sequence[str] | None = None,
    position_mask: str | None = None,
    weight: str | None = None,
    reader: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    identifier: str | None = None,
    max_rejected: float | None = None,
    part: JudgedPart | None = None,
    window_overlap: int | None = None,
    add: Wanted | None = None,
    bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    predictions: Path | str | None = None,
    out: Path | str | None = None,
    force: bool = False,
    escape_formulas: bool = False,
    device: str = "auto",
    preparing: Progress | None = None,
    policy: PluginPolicy | None = None,
) -> EvaluateResult:
    """Compute the metrics of a fine-tuned run, each with a percentile bootstrap interval.

    Metrics of a regression are in the labels' units.

    Args:
        model: A fine-tuned run.
        data: A labelled file or data set, of which all usable rows are scored; None scores the run's own rows.
        column: Column of the input of ``data``.
        targets: Label columns of ``data`` in the model's order; None uses the model's names.
        position_mask: Column of ``data`` that selects the labelled positions to use.
        weight: Column of ``data`` with weights of rows; the run's own rows have the weights of its training.
        reader: Name of the reader of ``data``; None chooses by file suffix.
        delimiter: Character between columns of ``data``, or ``tab``; None finds it in the first lines.
        columns: Columns of ``data`` that hold the model's features, in its order; None: those of the same names.
        identifier: Column of row identifiers, copied to ``predictions``.
        max_rejected: Largest fraction of unusable rows of ``data``.
        part: Part of the run's own rows; None is the test part.
        window_overlap: Read rows that are longer than the model in windows that share at least this number of
            inputs, and average their predictions, or join those of positions; None reads their beginning.
        add: Columns of `predict` whose figures are reported too: ``{"interval": 0.9}`` gives the share of labels
            within the interval, and its width.
        bootstrap: Number of resamples; 0 computes no intervals. Whole rows are resampled, also when positions have
            labels.
        confidence: Confidence level of the intervals.
        seed: Seed of the bootstrap.
        predictions: CSV file to write the labels and predictions of each row to.
        out: JSON file to write the result to.
        force: Replace output files that exist.
        escape_formulas: As in `predict`, for ``predictions``.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        preparing: Called with the numbers of rows read, kept and set aside.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        CheckpointError: ``model`` is not a fine-tuned run or is damaged, or its rows are now split differently.
        DataError: ``data`` cannot be read or does not fit the model, or a file cannot be written.
        ConfigError: Arguments contradict each other.
        UserError: An output is also an input, or exists (unless ``force``); windows cannot have such an overlap.
    """
    began = time.monotonic()
    draws = _Draws(bootstrap, confidence, seed)
    draws.check()
    predictions, out = as_path(predictions), as_path(out)
    check_outputs(predictions, out, inputs=local_files(data), force=force)
    named = tuple(targets) if targets else None
    options = (column, reader, named, position_mask, max_rejected, weight, delimiter)
    features = tuple(columns) if columns else None
    file = _file(part, LabelledFile(str(data or ""), *options, identifier if data else None, features))
    loaded = LoadedRun.load(Path(model), device, policy, precision=None)
    loaded.needed_targets()
    added = AddedColumns.load(Ensemble((loaded,)), add or {})
    loaded.reading.in_windows(window_overlap)
    longest = None if window_overlap is None else WHOLE
    if file is None:
        rows = own_rows(loaded, preparing, policy, identifier, longest)
    else:
        rows = read_labelled_file(loaded, file, preparing, longest)
    judged = _judge(loaded, rows, part or "test", window_overlap)
    weight = _weight(loaded) if file is None else weight
    result = _result(loaded, added, rows, judged, None if file else part or "test", draws, began, weight)
    if predictions is not None:
        write_rows(predictions, judged, rows, identifier, escape_formulas)
    if out is not None:
        _write(out, result)
    return result


def predict_part(loaded: LoadedRun, part: Part, policy: PluginPolicy | None = None) -> LabelledPredictions:
    """Return labels and predictions of a part of a fine-tuned run's own rows, in file order.

    Raises `CheckpointError` when the run's rows are now split differently, `ConfigError` when the part has none.
    """
    return _judge(loaded, own_rows(loaded, None, policy), part, None)


def evaluate_part(
    loaded: LoadedRun, part: JudgedPart, bootstrap: int = 0, policy: PluginPolicy | None = None
) -> EvaluatedRows:
    """Evaluate a part of a fine-tuned run's own rows, with ``bootstrap`` resamples; see `evaluate`.

    Raises `CheckpointError` when the run is not fine-tuned or its rows are now split differently, `ConfigError`
    when the part has none.
    """
    began = time.monotonic()
    loaded.needed_targets()
    rows = own_rows(loaded, None, policy)
    judged = _judge(loaded, rows, part, None)
    draws, no_columns = _Draws(bootstrap, 0.95, 0), AddedColumns.load(Ensemble((loaded,)), {})
    result = _result(loaded, no_columns, rows, judged, part, draws, began, _weight(loaded))
    return EvaluatedRows(rows, judged, result)


def _file(part: JudgedPart | None, file: LabelledFile) -> LabelledFile | None:
    """Return the file to score, or None for the run's own rows; raises `ConfigError` when arguments name both."""
    if file.data and part is not None:
        raise ConfigError(
            "`part` selects from the run's own rows; with `data` all usable rows are scored: omit one of them"
        )
    if not file.data and file != LabelledFile(""):
        raise ConfigError("`column`, `targets` and the like describe your own file: pass it with `data=FILE`")
    return file if file.data else None


def own_rows(
    loaded: LoadedRun,
    preparing: Progress | None = None,
    policy: PluginPolicy | None = None,
    identifier: str | None = None,
    longest: int | None = None,
) -> LabelledRows:
    """Read the rows of a fine-tuned run's task, up to a length of ``longest``; None is the model's.

    Raises `CheckpointError` when they are now split differently.
    """
    config = loaded.config
    assert isinstance(config, FinetuneConfig), "the run was fine-tuned"
    known = (loaded.feed, preparing, loaded.needed_targets(), identifier)
    with explain_missing_parts(loaded.path, loaded.record, policy):
        rows = read_labelled(loaded.registry, config, *known)
        check_same_rows(RunFolder(loaded.path), rows)
        if longest is None or not config.data.truncate:  # then long rows are in no part
            return rows
        return read_labelled(loaded.registry, config, *known, longest)


def _judge(loaded: LoadedRun, rows: LabelledRows, part: JudgedPart, overlap: int | None) -> LabelledPredictions:
    """Predict the rows of a part in file order, in the run's own precision."""
    parts: tuple[Part, ...] = PARTS if part == "all" else (part,)
    size, module = loaded.config.training.batch_size, loaded.module
    assert isinstance(module, Predictor), "a fine-tuned run predicts"
    if not any(len(rows.parts[name]) for name in parts):
        present = ", ".join(name for name, indices in rows.parts.items() if len(indices))
        raise ConfigError(
            f"{loaded.path} has no {part} rows: choose another `part` ({present}, all), or pass a file with `data`"
        )
    if overlap is not None:
        indices = np.concatenate([rows.parts[name] for name in parts])
        judged = predict_in_windows(loaded, rows, indices, overlap)
    else:
        batches = [batch for name in parts for batch in rows.batches(name, size)]
        with torch.inference_mode(), autocast(loaded.device, loaded.precision):
            judged = predict_labelled(module, loaded.needed_targets(), rows.metrics, batches, every_position=True)
    judged = judged.take(np.argsort(judged.rows, kind="stable")).weighed(rows.weights)
    overflowing = int((~np.isfinite(judged.predictions)).any(axis=1).sum())
    if overflowing:
        raise DataError(
            f"{overflowing:,} predictions are not finite numbers: look for very large values in {rows.label}, "
            "such as fill values, and name them in data.sentinels when the model is trained"
        )
    return with_the_models_classes(judged, rows.store)


def _result(
    loaded: LoadedRun,
    added: AddedColumns,
    rows: LabelledRows,
    judged: LabelledPredictions,
    part: JudgedPart | None,
    draws: _Draws,
    began: float,
    weight: str | None,
) -> EvaluateResult:
    """Compute the metrics and their intervals."""
    estimates = _estimates(judged, added, draws)
    summary = rows.prepared.summary
    return EvaluateResult(
        run=loaded.path,
        task=loaded.task or "",
        kind=judged.targets.kind,
        data=rows.source.label,
        part=part,
        rows=len(judged.rows),
        judged=int((~np.isnan(judged.labels)).any(axis=1).sum())
        if judged.targets.per_position
        else len(judged.labels),
        rejected=rows.rejected,
        bootstrap=draws.number,
        confidence=draws.confidence,
        seed=draws.seed,
        figures=estimates[""],
        targets={name: figures for name, figures in estimates.items() if name},
        truncated=summary.shortened,
        warnings=[
            *rows.warnings,
            *truncation_warnings(summary.shortened, summary.kept, loaded.model.max_length, LONGER),
            *_constant(loaded, judged),
            *weightless_classes(judged, "these rows"),
            *beyond_range({name: figure.value for name, figure in estimates[""].items()}),
            *([_UNWEIGHTED.format(_weight(loaded))] if _weight(loaded) and not weight else []),
        ],
        weight=weight,
        censored=0 if rows.limits is None else rows.limits.count(judged.rows),
        windowed=int((rows.store.lengths[judged.rows] > loaded.model.max_length).sum()),
        seconds=time.monotonic() - began,
    )


def _constant(loaded: LoadedRun, judged: LabelledPredictions) -> list[str]:
    """Return the sentence on values that are nearly constant; a file may hold rows of one class only."""
    module, config = loaded.module, loaded.config
    assert isinstance(module, Predictor), "the run was fine-tuned"
    assert isinstance(config, FinetuneConfig), "the run was fine-tuned"
    if judged.targets.kind != "regression":
        return []
    return constant_predictions(judged, config, module.probe is not None and bool(module.probe.active))


def _weight(loaded: LoadedRun) -> str | None:
    """Return the column of the weights that the run was trained with."""
    return loaded.config.weight if isinstance(loaded.config, FinetuneConfig) else None


def _estimates(judged: LabelledPredictions, added: AddedColumns, draws: _Draws) -> dict[str, dict[str, Estimate]]:
    """Return metrics with intervals by target; the empty name holds the means over targets."""
    indices = np.arange(len(judged.rows))
    intervals = percentile_intervals(
        lambda rows: _figures(judged.take(rows), added), len(indices), draws.number, draws.confidence, draws.seed
    )
    estimates: dict[str, dict[str, Estimate]] = {}
    for (target, name), value in _figures(judged, added).items():
        low, high = intervals.get((target, name), (None, None))
        estimates.setdefault(target, {})[name] = Estimate(value, low, high)
    return estimates


def _figures(judged: LabelledPredictions, added: AddedColumns) -> dict[_Key, float]:
    """Return the means of the metrics over targets, and with several targets also those of each."""
    by_target = [
        figures | more for figures, more in zip(judged.target_figures(), added.figures(judged), strict=True)
    ]
    result = {("", name): value for name, value in judged.metrics.mean(by_target).items()}
    if len(by_target) > 1:
        for target, figures in zip(judged.targets.names, by_target, strict=True):
            result |= {(target, name): value for name, value in figures.items()}
    return result


def _write(out: Path, result: EvaluateResult) -> None:
    """Write the result as JSON; raises `DataError` when the file cannot be written."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(out.resolve(), json_text(asdict(result), indent=1) + "\n")
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror or error}") from error
