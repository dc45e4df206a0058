"""`score`: write, for every row of a file, how well a pre-trained model reconstructs it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sma_core.errors import CheckpointError, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import BATCH_TOKENS
from sma_core.nn.losses.table import CONTINUOUS, DISCRETE, loss_name
from sma_core.paths import STANDARD_OUTPUT, as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.writers.tables import open_table, with_row_columns
from sma_view.score.agreement import Agreement, agreement
from sma_view.score.likelihood import FEWEST_PASSES, ONE_POSITION, score_rows, usual_passes
from sma_view.score.substitutions import score_substitutions


@dataclass(frozen=True)
class ScoreResult:
    """The table that `score` wrote (None: standard output), and numbers of rows.

    ``passes`` is the number of forward passes of each row; 1 for substitutions.
    """

    out: Path | None
    rows: int
    unusable: int
    truncated: int
    passes: int
    seconds: float
    agreement: Agreement | None = None
    """How the scores agree with the column ``against``; None without one."""


def score(
    model: str | Path,
    data: str | Path,
    *,
    out: str | Path | None = None,
    force: bool = False,
    passes: int | None = None,
    seed: int = 0,
    substitutions: str | None = None,
    against: str | None = None,
    column: str | None = None,
    identifier: str | None = None,
    reader: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    keep: Sequence[str] = (),
    batch_tokens: int = BATCH_TOKENS,
    device: str = "auto",
    policy: PluginPolicy | None = None,
) -> ScoreResult:
    """Write a table with one line per row of ``data``, in order: ``row, input, score, positions, reason``.

    Every position of a row is hidden once and reconstructed from the others. The score is the mean over positions
    of the natural logarithm of the probability of the true id; for rows of numbers the negative mean squared error
    in standard deviations of the training rows. A low score means a row that is unlike the training rows, or hard
    to predict, such as a long random one. Memory use is bounded by a chunk of rows.

    Args:
        model: A pre-trained run, or the name of a shipped model.
        data: A file, folder, pattern, comma-separated list, or the name of a data set.
        out: File of a table, as in `sma_core.predict`; None or ``-`` writes CSV to standard output.
        force: Replace an output file that exists.
        passes: Number of passes, each of which hides its share of the positions; None: as many as hide about the
            share of the training. With as many as positions, they are hidden one at a time.
        seed: Seed of the division of positions into passes.
        substitutions: Column of substitutions such as ``A2C`` or ``A2C:D5E``, which are scored instead of the row.
        against: Column of numbers, such as measured effects or two classes, with which the scores are compared.
        column: Column of the input; None looks for a usual name.
        identifier: As in `sma_core.predict`, like the following.
        reader: Name of the reader.
        delimiter: Character between columns.
        columns: Columns that hold the model's features.
        keep: Further columns of the file to copy to the output.
        batch_tokens: Maximum number of padded inputs in one forward pass.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        policy: Which plugins may be used.

    Raises:
        CheckpointError: ``model`` is not a pre-trained run, or is damaged.
        DataError: ``data`` cannot be read, or ``out`` cannot be written.
        UserError: ``passes`` is 1, substitutions are requested of rows of numbers, or the run has a loss of a
            plugin; for ``out`` as in `sma_core.predict`.
    """
    began = time.monotonic()
    out = None if out is not None and str(out) in STANDARD_OUTPUT else as_path(out)
    check_outputs(out, inputs=local_files(data), force=force)
    run = LoadedRun.load(Path(model), device, policy)
    number = _check(run, passes, substitutions)
    copied = tuple(dict.fromkeys(filter(None, (*keep, substitutions, against))))
    fields = (*([identifier] if identifier else []), *copied)
    count = unusable = truncated = 0
    cells: list[str] = []
    scores: list[NDArray[np.float64]] = []
    with open_table(out, run.registry) as table:
        source = run.reading.source(data, column, reader, delimiter, columns, fields)
        for chunk in run.reading.chunks(source, identifier, keep=copied):
            scored = _scored(run, chunk, number, seed, substitutions, batch_tokens)
            table.write(with_row_columns(chunk, identifier, scored))
            count += len(chunk)
            unusable += scored["score"].null_count
            truncated += len(chunk.truncated)
            if against is not None:
                cells += chunk.copied[against]
                scores.append(scored["score"].to_numpy(zero_copy_only=False))
    agreed = None if against is None else agreement(against, cells, np.concatenate([np.empty(0), *scores]))
    return ScoreResult(out, count, unusable, truncated, number, time.monotonic() - began, agreed)


def _check(run: LoadedRun, passes: int | None, substitutions: str | None) -> int:
    """Return the number of passes; raises as `score` does."""
    if run.masking is None:
        raise CheckpointError(
            f"{run.path} is a fine-tuned run, which reconstructs nothing: pass a run of sma train"
        )
    loss = loss_name(run.model.decoder, not run.feed.columns)
    if loss not in (DISCRETE, CONTINUOUS):
        raise UserError(f"{run.path} was trained with the loss {loss!r}: scores are those of the built-in losses")
    if substitutions is not None:
        if not isinstance(run.feed, TextFeed):
            raise UserError(
                "substitutions are those of letters, but this model reads numbers: omit `substitutions`"
            )
        if passes is not None:
            raise UserError("all substitutions of a row are hidden in one pass: omit `passes`")
        return 1
    if passes is not None and passes < FEWEST_PASSES:
        raise UserError("one pass would hide whole rows: pass `passes=2` or more")
    return passes or usual_passes(run.masking.ratio)


def _scored(
    run: LoadedRun, chunk: RowChunk, passes: int, seed: int, substitutions: str | None, batch_tokens: int
) -> dict[str, pa.Array]:
    """Return the columns ``score`` and ``positions``, null for rows without a score, which get a reason."""
    if substitutions is None:
        scores = score_rows(run, chunk, passes, seed, batch_tokens)
        values, positions = scores.means, scores.positions
        for index in chunk.usable[np.isnan(values) & (positions == 1)].tolist():
            chunk.reasons[index] = ONE_POSITION
    else:
        assert isinstance(run.feed, TextFeed), "_check refuses other feeds"
        texts = chunk.copied[substitutions]
        values, positions = score_substitutions(run, run.feed.tokenizer, chunk, texts, batch_tokens)
    known = ~np.isnan(values)
    table = np.full(len(chunk), np.nan)
    table[chunk.usable] = values
    numbers = np.zeros(len(chunk), dtype=np.int64)
    numbers[chunk.usable[known]] = positions[known]
    missing = np.isnan(table)
    return {"score": pa.array(table, pa.float64(), mask=missing), "positions": pa.array(numbers, mask=missing)}
