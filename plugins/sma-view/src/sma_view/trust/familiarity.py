"""How far a row is from the rows that a model was fine-tuned on, and how well it is reconstructed.

Distances are those of the encoder's mean vectors (`sma_view.trust.nearest`). Letters: m rows, D width of a vector.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.config import FinetuneConfig
from sma_core.data.pairs import shown
from sma_core.errors import SmaError, UserError
from sma_core.evaluation.splits import Part
from sma_core.feeds.rows import RowChunk
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.models.added_columns import Value
from sma_core.models.ensemble import Ensemble, Predictions
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import Embedder, latents_of
from sma_core.nn.heads import mean_latents
from sma_core.nn.losses.table import CONTINUOUS, DISCRETE, loss_name
from sma_core.runs.shipped_models import locate_model
from sma_core.verbs.evaluate import own_rows
from sma_view.score.likelihood import score_rows, usual_passes
from sma_view.trust.nearest import Library, Vectors

logger = logging.getLogger("sma")

MOST_ROWS = 20_000
"""Most training rows that are searched, and most validation rows that are compared with."""
BATCH_TOKENS = 8192


class Familiarity:
    """Columns on the distance to training rows.

    ``familiarity:row`` is the number of the nearest training row in its file, ``:input`` its text, ``:distance``
    how far it is, and ``:farther_than`` the share of validation rows that are nearer to a training row. ``:score``
    is that of `sma_view.score.score` of the pre-trained run, the mean over positions of the logarithm of the
    probability with which it reconstructs the row, or of the negative squared error; rows read in windows have
    none.
    """

    def __init__(self, models: Ensemble, value: Value) -> None:
        """Embed training and validation rows; raises `UserError` for a value."""
        if value is not True:
            raise UserError("`familiarity` takes no value")
        self.run = models.first
        rows = own_rows(self.run)
        draw = np.random.default_rng(0)
        self.numbers, vectors = _embedded(self.run, rows, "train", draw)
        finite = np.isfinite(vectors).all(axis=1)
        self.numbers, vectors = self.numbers[finite], vectors[finite]
        self.library = Library.of(vectors)
        texts = rows.store.texts
        self.texts = [shown(texts[row]) for row in self.numbers.tolist()] if texts else None
        self.numbers = rows.store.row_numbers[self.numbers]
        self.usual = np.sort(self.library.nearest(_embedded(self.run, rows, "valid", draw)[1])[0][:, 0])
        if len(rows.parts["train"]) > MOST_ROWS:
            logger.warning(
                "familiarity: the nearest of %d training rows, drawn at random from %d", *self._sizes(rows)
            )
        self.pretrained = _pretrained(self.run)

    def columns(self, chunk: RowChunk, predictions: Predictions) -> dict[str, pa.Array]:
        """Return the columns of m rows."""
        parts = Embedder(self.run, batch_tokens=BATCH_TOKENS).chunks(chunk)
        vectors = np.concatenate([values.values[part.usable] for part, values in parts])
        distances, indices = (neighbours[:, 0] for neighbours in self.library.nearest(vectors))
        columns = {"familiarity:row": pa.array(self.numbers[indices])}
        if self.texts is not None:
            columns["familiarity:input"] = pa.array([self.texts[index] for index in indices.tolist()], pa.string())
        columns["familiarity:distance"] = pa.array(distances)
        if len(self.usual):
            columns["familiarity:farther_than"] = pa.array(
                np.searchsorted(self.usual, distances) / len(self.usual)
            )
        if self.pretrained is not None and self.pretrained.masking is not None and chunk.windows is None:
            passes = usual_passes(self.pretrained.masking.ratio)
            scores = score_rows(self.pretrained, chunk, passes, 0, BATCH_TOKENS).means
            columns["familiarity:score"] = pa.array(scores, mask=np.isnan(scores))
        return columns

    def _sizes(self, rows: LabelledRows) -> tuple[int, int]:
        return MOST_ROWS, len(rows.parts["train"])


def _embedded(
    run: LoadedRun, rows: LabelledRows, part: Part, draw: np.random.Generator
) -> tuple[NDArray[np.int64], Vectors]:
    """Return store rows (m,) of a part and their mean vectors (m, D), of at most `MOST_ROWS`."""
    if not len(rows.parts[part]):
        return np.empty(0, dtype=np.int64), np.empty((0, run.model.latent_width), dtype=np.float32)
    indices, vectors = [], []
    for batch in rows.some_batches(part, MOST_ROWS, draw, run.config.training.batch_size):
        with run.computing():
            latents = mean_latents(latents_of(run.module, batch.to(run.device)))
        indices.append(batch.rows)
        vectors.append(latents.float().cpu().numpy())
    return np.concatenate(indices), np.concatenate(vectors)


def _pretrained(run: LoadedRun) -> LoadedRun | None:
    """Load the run that this one started from; None with random weights, or with a warning if it is not there."""
    config = run.config
    if not isinstance(config, FinetuneConfig) or config.pretrained is None:
        return None
    try:
        loaded = LoadedRun.load(Path(locate_model(config.pretrained, None)), str(run.device))
    except SmaError as error:
        logger.warning("familiarity without its score, since the pre-trained run is not there: %s", error)
        return None
    built_in = loss_name(loaded.model.decoder, not loaded.feed.columns) in (DISCRETE, CONTINUOUS)
    return loaded if built_in and loaded.feed.identity == run.feed.identity else None
