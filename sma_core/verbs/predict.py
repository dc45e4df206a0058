"""`predict`: a value for every row of a file, in order; rows that cannot be used keep their reason."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

import pyarrow as pa

from sma_core.config.models import Precision
from sma_core.devices.ranks import joined
from sma_core.feeds.rows import RowChunk
from sma_core.files import as_path
from sma_core.models.ensemble import Ensemble
from sma_core.models.vectors import BATCH_TOKENS
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.results import PredictResult
from sma_core.training.targets import Multiclass
from sma_core.writers.gathering import gather_in_order, pack_table, unpack_table
from sma_core.writers.tables import open_table, with_row_columns


def predict(
    model: str | Path | Sequence[str | Path],
    data: str | Path,
    *,
    out: str | Path | None = None,
    column: str | None = None,
    identifier: str | None = None,
    reader: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
    device: str = "auto",
    precision: Precision = "fp32",
    policy: PluginPolicy | None = None,
) -> PredictResult:
    """Write a line for every row of ``data``, in its order: ``row, input, <predictions>, reason``.

    Predictions are in the labels' units, or probabilities, or the class with probabilities, or a text with the
    symbol of every character that the model reads. Several runs of one task are averaged, and a column
    ``<target>:uncertainty`` is added: the standard deviation over the runs of the value, or of the probability of
    the class that is chosen. Rows of numbers have no column ``input``; ``identifier`` names a column of the file
    that comes along. A row that cannot be used has empty values and the reason.

    ``out`` ends in ``.csv``, ``.csv.gz``, ``.parquet`` or ``.jsonl`` (empty: csv on standard output); a file
    appears under its name only when it is complete. Memory is bounded by a chunk of rows. ``batch_tokens`` bounds
    the padded inputs of one forward pass. ``precision`` as in `sma_core.embed`.

    Raises:
        CheckpointError: A ``model`` is no fine-tuned run, or is damaged, or they were not taught the same.
        DataError: ``data`` cannot be read, or ``out`` cannot be written.
        UserError: ``out`` has another ending.
    """
    began = time.monotonic()
    count = unusable = 0
    models = [Path(each) for each in ([model] if isinstance(model, str | Path) else model)]
    out = as_path(out)
    with joined() as ranks, open_table(out) if ranks.first else nullcontext() as table:
        loaded = Ensemble.load(models, device, policy, precision)
        reading = loaded.first.reading
        chunks = reading.chunks(reading.source(data, column, reader), identifier, (ranks.rank, ranks.size))
        tables = (with_row_columns(chunk, identifier, _predicted(loaded, chunk, batch_tokens)) for chunk in chunks)
        shared = tables if ranks.alone else map(unpack_table, gather_in_order(ranks, map(pack_table, tables)))
        for columns in shared:
            assert table is not None, "rank 0 has a file to write to, and no other gets anything"
            table.write(columns)
            count += len(columns["row"])
            unusable += len(columns["row"]) - columns["reason"].null_count
    return PredictResult(out, count, unusable, time.monotonic() - began)


def _predicted(model: Ensemble, chunk: RowChunk, batch_tokens: int) -> dict[str, pa.Array]:
    """Give the columns of predictions, null for rows that cannot be used."""
    values, spread = model.predict(chunk, batch_tokens)
    rows: Iterable[list[float | str]] = map(model.targets.cells, values)
    if spread is not None:
        rows = ([*cells, *extra] for cells, extra in zip(rows, spread.tolist(), strict=True))
    found = dict(zip(chunk.usable.tolist(), rows, strict=True))
    empty = [None] * len(model.columns)
    table: list[Sequence[float | str | None]] = [found.get(at, empty) for at in range(len(chunk.numbers))]
    named = isinstance(model.targets, Multiclass)  # then the first column holds a class, or symbols
    return {
        name: pa.array([cells[at] for cells in table], pa.string() if named and at == 0 else pa.float64())
        for at, name in enumerate(model.columns)
    }
