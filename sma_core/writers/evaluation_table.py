"""The table of `sma evaluate`: what the labels of each judged row are, and what the model says."""

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


def write_rows(path: Path, judged: LabelledPredictions, rows: LabelledRows) -> None:
    """Write a csv line for each judged row: ``row``, ``input`` (text only), ``label:…``, predictions.

    Of labels of positions, those that are known and what is said at the same positions. Raises `DataError` when
    the file cannot be written; it appears when it is complete.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            own = ["row", "input"] if rows.store.metadata.has_text else ["row"]
            labels = [f"label:{name}" for name in judged.targets.names]
            writer.writerow([*own, *labels, *judged.targets.columns])
            writer.writerows(_lines(judged, rows))
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _lines(judged: LabelledPredictions, rows: LabelledRows) -> Iterator[list[Any]]:
    texts = rows.store.texts
    targets = judged.targets
    for row, start, count in zip(judged.rows.tolist(), judged.starts, judged.counts, strict=True):
        labels = judged.labels[start : start + count]
        found = judged.predictions[start : start + count]
        own = [rows.store.row_number(row), *([texts[row]] if texts else [])]
        yield [
            *own,
            *_label_cells(targets, labels),
            *targets.cells(found[:, 0] if targets.per_position else found[0]),
        ]


def _label_cells(targets: Targets, labels: Labels) -> list[str]:
    """Write the labels (things of one row, T) as the data says them, a missing one as an empty cell."""
    if isinstance(targets, Multiclass):
        return ["".join(targets.classes[int(at)] for at in labels[:, 0] if not np.isnan(at))]
    return ["" if np.isnan(value) else f"{value:.6g}" for value in labels[0].tolist()]
