"""`neighbours`: for every row of a file, the rows of a library that the encoder places nearest.

Letters: n rows of a chunk, m of them usable, k neighbours, D width of a vector.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from sma_core.data.pairs import shown
from sma_core.errors import DataError, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import BATCH_TOKENS, Embedder
from sma_core.paths import STANDARD_OUTPUT, as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.sources.source_set import SourceSet
from sma_core.writers.tables import open_table, with_row_columns
from sma_view.trust.nearest import Library

NOT_FINITE = "its vector is not finite"


@dataclass(frozen=True)
class NeighboursResult:
    """The table that `neighbours` wrote (None: standard output), and numbers of rows."""

    out: Path | None
    rows: int
    unusable: int
    library: int
    library_unusable: int
    seconds: float


@dataclass(frozen=True)
class _Named:
    """The usable rows of a library: their vectors' index, row numbers, identifiers or texts."""

    index: Library
    numbers: list[int]
    texts: list[str] | None
    names: list[str] | None
    unusable: int


def neighbours(
    model: str | Path,
    data: str | Path,
    to: str | Path,
    *,
    count: int = 5,
    out: str | Path | None = None,
    force: bool = False,
    column: str | None = None,
    identifier: str | None = None,
    reader: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    batch_tokens: int = BATCH_TOKENS,
    device: str = "auto",
    policy: PluginPolicy | None = None,
) -> NeighboursResult:
    """Write ``count`` lines per row: ``row, input, rank, neighbour, neighbour_input, distance, reason``.

    ``neighbour`` is the number of a row of the library, and ``neighbour_id`` its identifier. ``distance`` is
    Euclidean between the mean vectors of `sma_core.embed`, each number divided by its standard deviation in the
    library, and divided by the square root of their width: two rows of the library drawn at random are about 1.4
    apart. Where ``data`` is the library itself, a row is not its own neighbour.

    Args:
        model: A run, or the name of a shipped model.
        data: A file, folder, pattern, comma-separated list, or the name of a data set.
        to: The library, as ``data``; read with the same column, reader and delimiter. It must fit into memory.
        count: Number of neighbours of each row, at most that of the library's usable rows.
        out: File of a table, as in `sma_core.predict`; None or ``-`` writes CSV to standard output.
        force: Replace an output file that exists.
        column: Column of the input; None looks for a usual name.
        identifier: Column of row identifiers, in both files.
        reader: Name of the reader.
        delimiter: Character between columns.
        columns: Columns that hold the model's features.
        batch_tokens: Maximum number of padded inputs in one forward pass.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        policy: Which plugins may be used.

    Raises:
        CheckpointError: ``model`` is not a run, or is damaged.
        DataError: A file cannot be read or written, or the library has no usable row.
        UserError: ``count`` is below 1; for ``out`` as in `sma_core.predict`.
    """
    began = time.monotonic()
    if count < 1:
        raise UserError(f"`count` is the number of neighbours, 1 or more, not {count}")
    out = None if out is not None and str(out) in STANDARD_OUTPUT else as_path(out)
    check_outputs(out, inputs=[*local_files(data), *local_files(to)], force=force)
    run = LoadedRun.load(Path(model), device, policy)
    embedder = Embedder(run, batch_tokens=batch_tokens)
    fields = (identifier,) if identifier else ()
    library_source = run.reading.source(to, column, reader, delimiter, columns, fields)
    library = _library(embedder, library_source, identifier, str(to))
    itself = str(data) == str(to)
    rows = unusable = 0
    with open_table(out, run.registry) as table:
        source = run.reading.source(data, column, reader, delimiter, columns, fields)
        for chunk in run.reading.chunks(source, identifier):
            table.write(_lines(embedder, library, chunk, identifier, count, itself))
            rows += len(chunk)
            unusable += len(chunk) - len(chunk.usable)
    return NeighboursResult(out, rows, unusable, len(library.numbers), library.unusable, time.monotonic() - began)


def _library(embedder: Embedder, source: SourceSet, identifier: str | None, where: str) -> _Named:
    """Embed the rows of a library."""
    vectors: list[np.ndarray] = [np.empty((0, embedder.width), dtype=np.float32)]
    numbers: list[int] = []
    texts: list[str] = []
    names: list[str] = []
    unusable = 0
    for chunk, values in embedder.of_all(embedder.run.reading.chunks(source, identifier)):
        usable = chunk.usable[np.isfinite(values.values[chunk.usable]).all(axis=1)].tolist()
        vectors.append(values.values[usable])
        numbers += [chunk.numbers[index] for index in usable]
        texts += [] if chunk.texts is None else [shown((chunk.written or chunk.texts)[index]) for index in usable]
        names += [] if chunk.names is None else [chunk.names[index] for index in usable]
        unusable += len(chunk) - len(usable)
    if not numbers:
        raise DataError(f"{where} has no usable row to be a neighbour")
    return _Named(Library.of(np.concatenate(vectors)), numbers, texts or None, names or None, unusable)


def _lines(
    embedder: Embedder, library: _Named, chunk: RowChunk, identifier: str | None, count: int, itself: bool
) -> dict[str, pa.Array]:
    """Return ``count`` lines for each row of a chunk; unusable rows have one, with the reason."""
    vectors = np.concatenate([values.values[part.usable] for part, values in embedder.chunks(chunk)])
    distances, indices = library.index.nearest(vectors, count + itself)  # (m, k)
    lines: list[tuple[int, int | None, int | None, float | None]] = []
    place = 0
    for index in range(len(chunk)):
        if chunk.reasons[index] is not None:
            lines.append((index, None, None, None))
            continue
        if indices[place, 0] < 0:
            chunk.reasons[index] = NOT_FINITE
            lines.append((index, None, None, None))
            place += 1
            continue
        nearest = zip(indices[place].tolist(), distances[place].tolist(), strict=True)
        others = [pair for pair in nearest if not itself or library.numbers[pair[0]] != chunk.numbers[index]]
        lines += [(index, rank, which, far) for rank, (which, far) in enumerate(others[:count], start=1)]
        place += 1
    order = pa.array([line[0] for line in lines], pa.int64())
    columns = {name: cells.take(order) for name, cells in with_row_columns(chunk, identifier, {}).items()}
    reason = columns.pop("reason")
    which = [line[2] for line in lines]
    columns["rank"] = pa.array([line[1] for line in lines], pa.int64())
    columns["neighbour"] = pa.array([None if at is None else library.numbers[at] for at in which], pa.int64())
    for name, cells in (("neighbour_id", library.names), ("neighbour_input", library.texts)):
        if cells is not None:
            columns[name] = pa.array([None if at is None else cells[at] for at in which], pa.string())
    return columns | {"distance": pa.array([line[3] for line in lines], pa.float64()), "reason": reason}
