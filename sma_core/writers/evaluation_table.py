"""Write the table of `sma evaluate`: labels and predictions of each evaluated row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sma_core.errors import DataError
from sma_core.files import replacing
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.training.labelled_predictions import LabelledPredictions
from sma_core.training.targets import Labels, Multiclass, Targets
from sma_core.writers.formats.csv import number_text


def write_rows(path: Path, judged: LabelledPredictions, rows: LabelledRows, identifier: str | None = None) -> None:
    """Write one csv line per evaluated row: ``row``, identifier, ``input`` (text only), ``label:…``, predictions.

    For labels of positions, only known ones are written, with the predictions at the same positions. The file is
    written atomically. Raises `DataError` when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            identity = ["row", *([identifier] if identifier else [])]
            identity += ["input"] if rows.store.metadata.has_text else []
            labels = [f"label:{name}" for name in judged.targets.names]
            writer.writerow([*identity, *labels, *judged.targets.columns])
            writer.writerows(_lines(judged, rows, identifier))
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _lines(judged: LabelledPredictions, rows: LabelledRows, identifier: str | None) -> Iterator[list[Any]]:
    texts = rows.store.texts
    names, indices = rows.store.extra(identifier) if identifier else ([], None)
    targets = judged.targets
    for row, start, count in zip(judged.rows.tolist(), judged.starts, judged.counts, strict=True):
        labels = judged.labels[start : start + count]
        predictions = judged.predictions[start : start + count]
        named = [] if indices is None else [names[indices[row]]]
        identity = [rows.store.row_number(row), *named, *([texts[row]] if texts else [])]
        cells = targets.cells(predictions[:, 0] if targets.per_position else predictions[0])
        yield [
            *identity,
            *_label_cells(targets, labels),
            *(number_text(cell) if isinstance(cell, float) else cell for cell in cells),
        ]


def _label_cells(targets: Targets, labels: Labels) -> list[str]:
    """Format the labels of one row (m, T) as in the data, missing ones as empty cells."""
    if isinstance(targets, Multiclass):
        return ["".join(targets.classes[int(label)] for label in labels[:, 0] if not np.isnan(label))]
    if targets.values:
        return ["" if np.isnan(labels[0, 0]) else targets.values[int(labels[0, 0])]]
    return ["" if np.isnan(value) else number_text(value) for value in labels[0].tolist()]
