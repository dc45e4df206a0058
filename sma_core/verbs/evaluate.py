"""`evaluate`: how good a fine-tuned run is, on its own rows or any labelled file, with confidence intervals."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import torch

from sma_core.config import FinetuneConfig
from sma_core.data.preparation.prepare import Progress
from sma_core.devices.device import autocast
from sma_core.errors import ConfigError, DataError
from sma_core.evaluation.bootstrap import percentile_intervals
from sma_core.evaluation.metrics import mean_figures
from sma_core.evaluation.splits import PARTS, Part
from sma_core.files import write_atomically
from sma_core.labels.labelled_file import LabelledFile, read_labelled_file, with_the_models_classes
from sma_core.labels.labelled_rows import LabelledRows, check_same_rows, read_labelled
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.model import Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.provenance import explain_missing_parts
from sma_core.runs.results import Estimate, EvaluateResult, plain
from sma_core.runs.run_folder import RunFolder
from sma_core.training.labelled_predictions import LabelledPredictions, predict_labelled
from sma_core.writers.evaluation_table import write_rows

JudgedPart = Literal["test", "valid", "train", "all"]
_Key: TypeAlias = tuple[str, str]
"""A target's name, empty for the mean over all, and a figure's."""


@dataclass(frozen=True)
class _Draws:
    """How confidence intervals are drawn."""

    number: int
    confidence: float
    seed: int

    def check(self) -> None:
        """Raise `ConfigError` for numbers that make no interval."""
        if self.number < 0 or not 0.0 < self.confidence < 1.0 or self.seed < 0:
            raise ConfigError(
                "--bootstrap is a number of draws (0: no intervals), --confidence a share between 0 and 1 such as "
                "0.95, --seed a number from 0"
            )


def evaluate(
    model: Path | str,
    *,
    data: Path | str | None = None,
    column: str | None = None,
    targets: Sequence[str] | None = None,
    position_mask: str | None = None,
    reader: str | None = None,
    max_rejected: float | None = None,
    part: JudgedPart | None = None,
    bootstrap: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    predictions: Path | str | None = None,
    out: Path | str | None = None,
    device: str = "auto",
    preparing: Progress | None = None,
    policy: PluginPolicy | None = None,
) -> EvaluateResult:
    """Judge a fine-tuned run by the figures of its kind of labels, each with a percentile bootstrap interval.

    ``part`` of the run's own rows is judged (empty: the test), or all usable rows of ``data``, whose ``targets``
    are in the model's order (empty: named as there). Rows are drawn anew ``bootstrap`` times with ``seed`` (0: no
    intervals), whole rows where positions have labels. Figures of a regression are in the labels' units.
    ``predictions`` is a csv file for labels and predictions of each row, ``out`` a JSON file for what is returned.

    Raises:
        CheckpointError: ``model`` is no fine-tuned run, is damaged, or its own rows are divided otherwise now.
        DataError: ``data`` cannot be read or does not fit the model, or a file cannot be written.
        ConfigError: Arguments do not go together.
    """
    began = time.monotonic()
    draws = _Draws(bootstrap, confidence, seed)
    draws.check()
    named = tuple(targets) if targets else None
    file = _file(part, LabelledFile(str(data or ""), column, reader, named, position_mask, max_rejected))
    loaded = LoadedRun.load(Path(model), device, policy, precision=None)
    loaded.needed_targets()
    if file is None:
        rows = _own_rows(loaded, preparing, policy)
    else:
        rows = read_labelled_file(loaded, file, preparing)
    judged = _judge(loaded, rows, part or "test")
    result = _result(loaded, rows, judged, None if file else part or "test", draws, began)
    _write(result, judged, rows, predictions, out)
    return result


def _file(part: JudgedPart | None, file: LabelledFile) -> LabelledFile | None:
    """Return the file to judge, None for the run's own rows; raises `ConfigError` when both are spoken of."""
    if file.data and part is not None:
        raise ConfigError("--part names a part of the run's own rows; with --data all usable rows are judged")
    if not file.data and file != LabelledFile(""):
        raise ConfigError("--input, --target and the like describe a file of your own: say which with --data FILE")
    return file if file.data else None


def _own_rows(loaded: LoadedRun, preparing: Progress | None, policy: PluginPolicy | None) -> LabelledRows:
    """Read the rows of the run's task, divided as they were."""
    assert isinstance(loaded.config, FinetuneConfig), "the run was fine-tuned"
    with explain_missing_parts(loaded.path, loaded.record, policy):
        rows = read_labelled(loaded.registry, loaded.config, loaded.feed, preparing)
    check_same_rows(RunFolder(loaded.path), rows)
    return rows


def _judge(loaded: LoadedRun, rows: LabelledRows, part: JudgedPart) -> LabelledPredictions:
    """Predict the rows of a part, in the order of the file, in the arithmetic that the run was judged in."""
    parts: tuple[Part, ...] = PARTS if part == "all" else (part,)
    size, module = loaded.config.training.batch_size, loaded.module
    assert isinstance(module, Predictor), "a fine-tuned run predicts"
    batches = [batch for each in parts for batch in rows.batches(each, size)]
    with torch.inference_mode(), autocast(loaded.device, loaded.precision):
        judged = predict_labelled(module, loaded.needed_targets(), batches)
    judged = judged.take(np.argsort(judged.rows, kind="stable"))
    return with_the_models_classes(judged, rows.store)


def _result(
    loaded: LoadedRun,
    rows: LabelledRows,
    judged: LabelledPredictions,
    part: JudgedPart | None,
    draws: _Draws,
    began: float,
) -> EvaluateResult:
    """Compute the figures and their intervals."""
    estimates = _estimates(judged, draws)
    return EvaluateResult(
        run=loaded.path,
        task=loaded.task or "",
        kind=judged.targets.kind,
        data=rows.source.label,
        part=part,
        rows=len(judged.rows),
        judged=len(judged.labels),
        rejected=rows.rejected,
        bootstrap=draws.number,
        confidence=draws.confidence,
        seed=draws.seed,
        figures=estimates.pop(""),
        targets=estimates,
        seconds=time.monotonic() - began,
    )


def _estimates(judged: LabelledPredictions, draws: _Draws) -> dict[str, dict[str, Estimate]]:
    """Return figures with intervals: by target where there are several, and under the empty name the means."""
    every = np.arange(len(judged.rows))
    intervals = percentile_intervals(
        lambda rows: _figures(judged.take(rows)), len(every), draws.number, draws.confidence, draws.seed
    )
    found: dict[str, dict[str, Estimate]] = {}
    for (target, name), value in _figures(judged).items():
        low, high = intervals.get((target, name), (None, None))
        found.setdefault(target, {})[name] = Estimate(value, low, high)
    return found


def _figures(judged: LabelledPredictions) -> dict[_Key, float]:
    """Return the means over the targets, and where there are several also each."""
    each = judged.target_figures()
    found = {("", name): value for name, value in mean_figures(judged.targets.kind, each).items()}
    if len(each) > 1:
        for target, figures in zip(judged.targets.names, each, strict=True):
            found |= {(target, name): value for name, value in figures.items()}
    return found


def _write(
    result: EvaluateResult,
    judged: LabelledPredictions,
    rows: LabelledRows,
    predictions: Path | str | None,
    report: Path | str | None,
) -> None:
    """Write what files were asked for."""
    if predictions is not None:
        write_rows(Path(predictions), judged, rows)
    if report is not None:
        out, text = Path(report), json.dumps(plain(asdict(result)), indent=1, ensure_ascii=False) + "\n"
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(out, text)
        except OSError as error:
            raise DataError(f"cannot write {out}: {error.strerror or error}") from error
