"""`predict`: write a prediction for every row of a file, in order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pyarrow as pa

from sma_core.config.training import Precision
from sma_core.devices.ranks import joined
from sma_core.errors import UserError
from sma_core.feeds.rows import RowChunk
from sma_core.models.added_columns import AddedColumns, Wanted
from sma_core.models.ensemble import Ensemble
from sma_core.models.vectors import BATCH_TOKENS
from sma_core.paths import STANDARD_OUTPUT, as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.results import PredictResult
from sma_core.writers.gathering import gather_in_order, pack_table, unpack_table
from sma_core.writers.tables import open_table, with_row_columns, without_formulas


def predict(
    model: str | Path | Sequence[str | Path],
    data: str | Path,
    *,
    out: str | Path | None = None,
    force: bool = False,
    escape_formulas: bool = False,
    column: str | None = None,
    identifier: str | None = None,
    reader: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    probabilities: bool = False,
    add: Wanted | None = None,
    window_overlap: int | None = None,
    batch_tokens: int = BATCH_TOKENS,
    device: str = "auto",
    precision: Precision = "fp32",
    policy: PluginPolicy | None = None,
) -> PredictResult:
    """Write a table with one line per row of ``data``, in order: ``row, input, <predictions>, reason``.

    Depending on the kind of labels, predictions are values in the labels' units, probabilities, the most probable
    class with the probabilities of all classes, or a string with the symbol of every character. Several runs of
    one task are averaged, and a column ``<target>:uncertainty`` holds the standard deviation over the runs of the
    value, or of the probability of the predicted class. Rows of numbers have no column ``input``. Unusable rows
    have empty values and a reason; for a row longer than ``model.max_length`` the reason says that it was
    truncated, or the number of windows. Memory use is bounded by a chunk of rows.

    Args:
        model: A fine-tuned run, or several of one task, or a folder of several, such as `sma ensemble` writes.
        data: A file, folder, pattern, comma-separated list, or the name of a data set.
        out: File ending in ``.csv``, ``.csv.gz``, ``.parquet``, ``.jsonl``, or as a plugin's format does; it
            appears only when complete. None or ``-`` writes CSV to standard output.
        force: Replace an output file that exists.
        escape_formulas: Put an apostrophe before texts that begin like a spreadsheet's formula, with = + - @ or a
            tab, unless they are numbers.
        column: Column of the input; None looks for a usual name.
        identifier: Column of row identifiers, copied to the output. For formats that name their rows, such as
            FASTA, it names the column of those names, by default ``id``.
        reader: Name of the reader; None chooses by file suffix.
        delimiter: Character between columns, or ``tab``; None finds it in the first lines.
        columns: Columns that hold the model's features, in its order; None: those of the same names.
        keep: Further columns of the file to copy to the output.
        probabilities: For labels of positions, add a column ``<target>:<class>`` for each class with a list of the
            probabilities of all characters; predictions of rows have probabilities always.
        add: Columns of plugins to add, by name: ``{"interval": 0.9, "familiarity": True}``.
        window_overlap: Read rows of text that are longer than the model in windows that share at least this number
            of ids, and average their predictions, or join those of positions; None reads their beginning.
        batch_tokens: Maximum number of padded inputs in one forward pass.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        precision: As in `sma_core.embed`.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        CheckpointError: A ``model`` is not a fine-tuned run or is damaged, or the runs' tasks differ.
        DataError: ``data`` cannot be read, or ``out`` cannot be written.
        PluginError: No plugin has the columns to ``add``.
        UserError: ``out`` has an unknown ending, is also an input, or exists (unless ``force``), windows cannot
            have such an overlap, ``probabilities`` are requested of labels of rows, or a value of ``add`` does not
            suit.
    """
    began = time.monotonic()
    count = unusable = remarks = 0
    models = [Path(path) for path in ([model] if isinstance(model, str | Path) else model)]
    out = None if out is not None and str(out) in STANDARD_OUTPUT else as_path(out)
    check_outputs(out, inputs=local_files(data), force=force)
    with joined() as ranks:
        loaded = Ensemble.load(models, device, policy, precision)
        if probabilities and not loaded.targets.per_position:
            raise UserError("predictions of rows of this kind have no further columns: omit `probabilities`")
        added = AddedColumns.load(loaded, add or {})
        reading = loaded.first.reading.in_windows(window_overlap)
        fields = (*([identifier] if identifier else []), *keep)
        with open_table(out, loaded.first.registry) if ranks.first else nullcontext() as table:
            source = reading.source(data, column, reader, delimiter, columns, fields)
            chunks = reading.chunks(source, identifier, (ranks.rank, ranks.size), keep)
            tables = (
                with_row_columns(chunk, identifier, _predicted(loaded, added, chunk, batch_tokens, probabilities))
                for chunk in chunks
            )
            gathered = (
                tables if ranks.alone else map(unpack_table, gather_in_order(ranks, map(pack_table, tables)))
            )
            for part in gathered:
                assert table is not None, "only rank 0 receives tables, and it opened the file"
                table.write(without_formulas(part) if escape_formulas else part)
                count += len(part["row"])
                unusable += part[loaded.columns[0]].null_count
                remarks += len(part["row"]) - part["reason"].null_count
    long_rows, longest = remarks - unusable, loaded.first.model.max_length
    truncated, windowed = (long_rows, 0) if window_overlap is None else (0, long_rows)
    return PredictResult(out, count, unusable, truncated, windowed, longest, time.monotonic() - began)


NOT_FINITE = "the prediction is not a finite number"
"""Reason for a row whose values are so large that the network overflows."""


def _predicted(
    model: Ensemble, added: AddedColumns, chunk: RowChunk, batch_tokens: int, probabilities: bool
) -> dict[str, pa.Array]:
    """Return the columns of predictions for all rows of a chunk, null for unusable rows."""
    predictions = model.predict(chunk, batch_tokens)
    values, spread, characters = predictions
    rows: Iterable[list[float | str]] = map(model.targets.cells, values)
    if spread is not None:
        rows = ([*cells, *extra] for cells, extra in zip(rows, spread.tolist(), strict=True))
    by_index = dict(zip(chunk.usable.tolist(), rows, strict=True))
    if not model.targets.per_position:
        for place in np.flatnonzero(~np.isfinite(values).all(axis=1)).tolist():
            index = int(chunk.usable[place])
            del by_index[index]
            chunk.reasons[index] = NOT_FINITE
    empty = [None] * len(model.columns)
    table: list[Sequence[float | str | None]] = [by_index.get(index, empty) for index in range(len(chunk.numbers))]
    first_is_text = model.targets.first_is_name
    columns = {
        name: pa.array(
            [row[index] for row in table], pa.string() if first_is_text and index == 0 else pa.float64()
        )
        for index, name in enumerate(model.columns)
    }
    if probabilities and characters is not None:
        lists = dict(zip(chunk.usable.tolist(), characters, strict=True))
        for index, name in enumerate(model.first.classes):
            cells = [lists[row][:, index] if row in lists else None for row in range(len(chunk))]
            columns[f"{model.targets.names[0]}:{name}"] = pa.array(cells, pa.list_(pa.float64()))
    return columns | added.of(chunk, predictions, tuple(columns))
