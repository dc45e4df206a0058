"""Write the table of `sma evaluate`: labels and predictions of each evaluated row."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.labels import UNKNOWN_SYMBOL
from sma_core.data.pairs import shown
from sma_core.data.tokenizers import CharacterTokenizer, EncodedRows, shorten
from sma_core.errors import DataError
from sma_core.feeds.feed import Feed
from sma_core.feeds.text import TextFeed
from sma_core.files import replacing
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Labels, Multiclass, Targets
from sma_core.writers.formats.csv import exact_text, number_text
from sma_core.writers.tables import plain_cell


def write_rows(
    path: Path,
    judged: LabelledPredictions,
    rows: LabelledRows,
    identifier: str | None = None,
    escape_formulas: bool = False,
) -> None:
    """Write one csv line per evaluated row: ``row``, identifier, ``input`` (text only), ``label:…``, predictions.

    Labels and predictions of positions have a symbol for each character that the model reads, ``?`` for a
    missing label. ``escape_formulas`` applies `plain_cell`. The file is written atomically. Raises `DataError`
    when it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path.resolve()) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            identity = ["row", *([identifier] if identifier else [])]
            identity += ["input"] if rows.store.metadata.has_text else []
            labels = [f"label:{name}" for name in judged.targets.names]
            lines = chain([[*identity, *labels, *judged.targets.columns]], _lines(judged, rows, identifier))
            writer.writerows(map(plain_cell, line) if escape_formulas else line for line in lines)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _lines(judged: LabelledPredictions, rows: LabelledRows, identifier: str | None) -> Iterator[list[Any]]:
    texts = rows.store.texts
    names, indices = rows.store.extra(identifier) if identifier else ([], None)
    targets = judged.targets
    for row, start, count in zip(judged.rows.tolist(), judged.starts, judged.counts, strict=True):
        labels = judged.labels[start : start + count]
        predictions = judged.predictions[start : start + count]
        if targets.per_position and not rows.store.metadata.by_character:
            begins = _characters(rows.feed, texts[row], count)
            labels, predictions = labels[begins], predictions[begins]
        named = [] if indices is None else [names[indices[row]]]
        identity = [rows.store.row_number(row), *named, *([shown(texts[row])] if texts else [])]
        cells = targets.cells(predictions[:, 0] if targets.per_position else predictions[0])
        yield [
            *identity,
            *_label_cells(targets, labels),
            *(number_text(cell) if isinstance(cell, float) else cell for cell in cells),
        ]


def _label_cells(targets: Targets, labels: Labels) -> list[str]:
    """Format the labels of one row (m, T) as in the data, missing ones as empty cells."""
    if isinstance(targets, Multiclass):
        missing = UNKNOWN_SYMBOL if targets.per_position else ""
        return ["".join(missing if np.isnan(label) else targets.classes[int(label)] for label in labels[:, 0])]
    if targets.values:
        return ["" if np.isnan(labels[0, 0]) else targets.values[int(labels[0, 0])]]
    return ["" if np.isnan(value) else exact_text(value) for value in labels[0].tolist()]


def _characters(feed: Feed, text: str, count: int) -> NDArray[np.bool_]:
    """Return for each of the ``count`` ids of a row whether a character begins there."""
    assert isinstance(feed, TextFeed), "training rejects labels of positions for rows of numbers"
    tokenizer = feed.tokenizer
    assert isinstance(tokenizer, CharacterTokenizer), "training rejects other tokenizers"
    begins = tokenizer.character_starts([text])
    starts = EncodedRows(begins.astype(np.int16), np.array([0, len(begins)]))
    characters: NDArray[np.bool_] = shorten(starts, count, 0).values != 0
    return characters
