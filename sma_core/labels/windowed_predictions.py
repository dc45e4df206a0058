"""Predict labelled rows that are longer than the model, in windows."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

from sma_core.data.sequences import Sequences, bounds_of
from sma_core.data.tokenizers import EncodedRows
from sma_core.data.windows import Windows, split_sequences, split_texts
from sma_core.feeds.rows import ROWS_IN_CHUNK, RowChunk
from sma_core.feeds.text import TextFeed
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.models.ensemble import Ensemble
from sma_core.models.loaded_run import LoadedRun
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions
from sma_core.training.finetuning.targets import Labels

WHOLE = sys.maxsize
"""Maximum length of rows that are prepared whole."""


def predict_in_windows(
    loaded: LoadedRun, rows: LabelledRows, indices: NDArray[np.int64], overlap: int
) -> LabelledPredictions:
    """Predict store rows (n,) that were prepared whole; the windows of a row share at least ``overlap`` inputs.

    Predictions of a row are the mean over its windows. Those of positions are joined; every position is an item.
    """
    ensemble, labels, predictions, counts = Ensemble((loaded,)), [], [], []
    for start in range(0, len(indices), ROWS_IN_CHUNK):
        part = indices[start : start + ROWS_IN_CHUNK]
        inputs, windows = _windows(loaded, rows, part, overlap)
        known = [None] * len(part)
        chunk = RowChunk(part.tolist(), None, [*known], np.arange(len(part)), inputs, windows=windows)
        if ensemble.targets.per_position:
            symbols = rows.store.symbol_labels(part)
            assert symbols is not None, "these rows have labels of positions"
            labels.append(symbols.astype(np.float64)[:, None])
            characters, predicted = rows.store.characters(part), ensemble.most_probable(chunk)
            predictions.append(predicted if characters is None else np.repeat(predicted, characters, axis=0))
            counts.append(rows.store.label_lengths[part].astype(np.int64))
        else:
            labels.append(rows.labels_of(part))
            predictions.append(ensemble.predict(chunk).values)
            counts.append(np.ones(len(part), dtype=np.int64))
    joined: list[Labels] = [np.concatenate(labels), np.concatenate(predictions)]
    return LabelledPredictions(ensemble.targets, rows.metrics, indices, np.concatenate(counts), *joined)


def _windows(
    loaded: LoadedRun, rows: LabelledRows, part: NDArray[np.int64], overlap: int
) -> tuple[EncodedRows | Sequences, Windows]:
    longest = loaded.model.max_length
    if not isinstance(loaded.feed, TextFeed):
        return split_sequences(rows.store.sequences(part), longest, overlap)
    ids = EncodedRows(rows.store.gather(part), bounds_of(rows.store.lengths[part].astype(np.int64)))
    return split_texts(ids, longest, overlap, loaded.feed.tokenizer.separator_id)
