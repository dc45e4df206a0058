"""Labels and predictions of a fine-tuned run's rows, read from the table that `sma evaluate` writes.

Letters: n rows with a label.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv

from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.results import EvaluateResult
from sma_core.verbs.evaluate import evaluate

LABEL = "label:"
UNKNOWN_SYMBOL = "?"


@dataclass(frozen=True)
class TargetPredictions:
    """Predictions of one target: row numbers (n,), inputs (empty for rows of numbers), labels and predictions.

    ``labels`` (n,) and ``values`` (n,) are numbers: of a regression in its units; of two classes 0 or 1, and the
    probability of 1; of several classes empty. ``label_names`` and ``predicted_names`` are classes; of labels of
    positions, one for each position, and ``rows`` has the row of each.
    """

    name: str
    kind: str
    rows: NDArray[np.int64]
    inputs: tuple[str, ...]
    labels: NDArray[np.float64]
    values: NDArray[np.float64]
    label_names: tuple[str, ...] = ()
    predicted_names: tuple[str, ...] = ()
    certainty: NDArray[np.float64] | None = None
    """(n,) the probability of each row's label, where it is known; for several classes."""

    @property
    def is_binary(self) -> bool:
        """Whether values are probabilities of a positive class."""
        return self.kind in ("binary", "multilabel")

    def worst(self, most: int) -> list[int]:
        """Return the indices of the rows with the largest errors, the largest first."""
        if self.kind == "regression" or self.is_binary:
            errors = np.abs(self.values - self.labels)
        elif self.certainty is not None:
            errors = 1.0 - self.certainty
        else:
            return []
        return [int(index) for index in np.argsort(-errors, kind="stable")[:most]]


def judge_rows(
    run: Path, part: str, bootstrap: int, policy: PluginPolicy | None
) -> tuple[EvaluateResult, list[TargetPredictions]]:
    """Evaluate a part of a run's own rows; return metrics with intervals, and predictions of each target.

    Errors are those of `sma_core.evaluate`.
    """
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "rows.csv"
        result = evaluate(run, part=part, bootstrap=bootstrap, predictions=table, policy=policy)  # type: ignore[arg-type]
        options = csv.ParseOptions(newlines_in_values=True)
        names = csv.read_csv(table, parse_options=options).column_names
        as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), null_values=[])
        lines = csv.read_csv(table, parse_options=options, convert_options=as_text).to_pylist()
    return result, predictions_of(lines, result.kind)


def predictions_of(lines: Sequence[Mapping[str, str]], kind: str) -> list[TargetPredictions]:
    """Return the predictions of each target in the lines of a table of `sma evaluate`."""
    columns = list(lines[0]) if lines else []
    labelled = [column.removeprefix(LABEL) for column in columns if column.startswith(LABEL)]
    names = [
        name for name in labelled if name in columns
    ]  # label:yes may also be a probability of the target label
    labels = {LABEL + name for name in names}
    return [_target(name, kind, lines, labels) for name in names]


def _target(
    name: str, kind: str, lines: Sequence[Mapping[str, str]], label_columns: set[str]
) -> TargetPredictions:
    kept = [line for line in lines if line[LABEL + name] != "" and line[name] != ""]
    rows = np.array([int(line["row"]) for line in kept], dtype=np.int64)
    inputs = tuple(line.get("input", "") for line in kept)
    none = np.zeros(0)
    if kind == "per-position":
        return _positions(name, kept)
    if kind == "multiclass":
        labels, predicted = (tuple(line[column] for line in kept) for column in (LABEL + name, name))
        columns = [f"{name}:{label}" for label in labels]
        known = all(column in line for column, line in zip(columns, kept, strict=True))
        sure = [float(line[column]) for column, line in zip(columns, kept, strict=True)] if known else None
        certainty = None if sure is None else np.array(sure)
        return TargetPredictions(name, kind, rows, inputs, none, none, labels, predicted, certainty)
    columns_of_name = [column for column in (kept[0] if kept else ()) if column.startswith(f"{name}:")]
    positive = next((column for column in columns_of_name if column not in label_columns), None)
    texts = [line[LABEL + name] for line in kept]
    if positive is not None:  # classes with names: the class, then the probability of the positive one
        label_values = np.array([float(text == positive.removeprefix(f"{name}:")) for text in texts])
        values = np.array([float(line[positive]) for line in kept])
        predicted = tuple(line[name] for line in kept)
        return TargetPredictions(name, kind, rows, inputs, label_values, values, tuple(texts), predicted)
    label_values = np.array([float(text) for text in texts])
    values = np.array([float(line[name]) for line in kept])
    if kind == "regression":
        return TargetPredictions(name, kind, rows, inputs, label_values, values)
    predicted = tuple("1" if value > 0.5 else "0" for value in values)
    return TargetPredictions(
        name, kind, rows, inputs, label_values, values, tuple(f"{value:g}" for value in label_values), predicted
    )


def _positions(name: str, lines: Sequence[Mapping[str, str]]) -> TargetPredictions:
    """Return the classes of all labelled positions."""
    triples = [
        (int(line["row"]), label, prediction)
        for line in lines
        for label, prediction in zip(line[LABEL + name], line[name], strict=False)
        if label != UNKNOWN_SYMBOL
    ]
    rows = np.array([row for row, _, _ in triples], dtype=np.int64)
    labels, predicted = tuple(label for _, label, _ in triples), tuple(prediction for *_, prediction in triples)
    return TargetPredictions(name, "per-position", rows, (), np.zeros(0), np.zeros(0), labels, predicted)
