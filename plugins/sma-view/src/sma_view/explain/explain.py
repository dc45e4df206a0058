"""`explain`: what each input of a row adds to a prediction of a fine-tuned run."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

from sma_core.errors import DataError, PluginError, UserError
from sma_core.feeds.rows import RowChunk
from sma_core.models.loaded_run import LoadedRun
from sma_core.models.vectors import BATCH_TOKENS
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.printable import printable
from sma_core.urls import without_secrets
from sma_core.writers.tables import check_suffix, without_formulas, writing
from sma_view.drawer import Drawer
from sma_view.explain.asker import Asker
from sma_view.explain.deletion import DeletionTest
from sma_view.explain.explained_rows import ExplainedRow, Method, MethodName, explained_rows
from sma_view.explain.explanation_page import explanation_page
from sma_view.explain.question import Question
from sma_view.explain.result import Collected, ExplainResult
from sma_view.explain.table import endings, opened, table_of
from sma_view.row_as_drawn import named_chunks

logger = logging.getLogger("sma")

PAGE = (".html", ".htm")
PAGE_ROWS, MOST_DRAWN = 20, 100
"""Rows drawn on a page if the number is not named, and at most."""
VALUES_IN_MEMORY = 1 << 18
"""Values in memory at a time, if more than one row."""


def explain(
    model: str | Path,
    data: str | Path,
    *,
    out: str | Path | Sequence[str | Path] = (),
    method: MethodName = "occlusion",
    target: str | None = None,
    label: str | None = None,
    position: int | None = None,
    window: int = 1,
    steps: int = 50,
    rows: int | None = None,
    deletion_rows: int = 100,
    seed: int = 0,
    column: str | None = None,
    reader: str | None = None,
    delimiter: str | None = None,
    columns: Sequence[str] | None = None,
    identifier: str | None = None,
    renderer: str | None = None,
    batch_tokens: int = BATCH_TOKENS,
    escape_formulas: bool = False,
    force: bool = False,
    device: str = "auto",
    policy: PluginPolicy | None = None,
) -> ExplainResult:
    """Compute for each row of ``data`` what each of its inputs adds to the prediction of a fine-tuned run.

    Values are signed, in the unit of the labels for regression, else log-odds of the class. A deletion test on the
    first rows tells whether they mean anything for this run. Memory use is bounded by a part of the rows.

    Args:
        model: A fine-tuned run.
        data: A file, folder, pattern, comma-separated list, or the name of a data set.
        out: Files to write: a page (``.html``) with the first rows, drawn by the domain's renderer, and tables
            with a line for each input of all rows (``.csv``, ``.csv.gz``, ``.parquet``, ``.jsonl``, ``.json``).
        method: ``occlusion``, ``gradient`` or ``integrated-gradients``.
        target: The target that is explained; None for a run that has only one.
        label: The class that is explained; None for the most probable one of each row, or of two the positive one.
        position: The position that is explained, from 1, of a run that predicts a symbol for each position.
        window: Occlusion: number of consecutive inputs that are hidden together; along each axis of a grid.
        steps: Integrated gradients: number of points from the baseline to the input.
        rows: Explain only the first rows; None explains all.
        deletion_rows: Rows of the deletion test, the first usable ones; 0 omits it.
        seed: Seed of the random orders of the deletion test.
        column: Column of the input; None looks for a usual name.
        reader: Name of the reader; None chooses by file suffix.
        delimiter: Character between columns, or ``tab``; None finds it in the first lines.
        columns: Columns that hold the model's features, in its order; None: those of the same names.
        identifier: Column of row identifiers, copied to the output.
        renderer: Renderer of the page; None is the domain's.
        batch_tokens: Maximum number of padded inputs in one forward pass.
        escape_formulas: Put an apostrophe before texts in tables that begin like a spreadsheet's formula.
        force: Replace output files that exist.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        CheckpointError: ``model`` is not a fine-tuned run, or is damaged.
        DataError: ``data`` cannot be read, none of its rows can be used, or a file cannot be written.
        PluginError: The renderer does not exist, or does not draw signed values.
        UserError: The run has no such target or class, ``position`` does not fit its labels, Captum is not
            installed, an option is for another method, or ``out`` has an unknown ending, is also an input, or
            exists (unless ``force``).
    """
    began = time.monotonic()
    way, test = Method(method, window, steps), DeletionTest(deletion_rows, seed)
    way.check()
    outs = [as_path(path) for path in ([out] if isinstance(out, str | Path) else out)]
    check_outputs(*outs, inputs=local_files(data), force=force)
    policy = policy or PluginPolicy.from_environment()
    run = LoadedRun.load(as_path(model), device, policy)
    run.module.requires_grad_(False)
    asker = Asker(run, Question.of(run, target, label, position), batch_tokens)
    pages, tables = _sorted_outs(outs, run, renderer)
    drawer = Drawer(run.registry, renderer, signed=True)
    source = run.reading.source(data, column, reader, delimiter, columns, [identifier] if identifier else [])
    parts = _parts(run, named_chunks(run, source, identifier), rows)
    collected = Collected(min(rows or PAGE_ROWS, MOST_DRAWN) if pages else 0)
    with ExitStack() as stack:
        writers = [stack.enter_context(opened(path, run)) for path in tables]
        for part in parts:
            explained = list(explained_rows(asker, way, part, test))
            for row in explained:
                collected.add(row)
            for writer in writers:
                lines = table_of(explained, asker.question, run, part.names is not None, way.has_channels(run))
                writer.write(without_formulas(lines) if escape_formulas else lines)
        if not collected.usable:
            why = f": {collected.reason}" if collected.reason else ", which has none"
            raise DataError(f"no row of {without_secrets(str(data))} can be explained{why}")
    result = ExplainResult(
        outs=outs,
        method=method,
        target=asker.question.target,
        unit=asker.question.unit,
        rows=collected.rows,
        unusable=collected.rows - collected.usable,
        drawn=len(collected.drawn),
        deletion=test.result() if deletion_rows else None,
        gap=collected.gap,
        gap_share=collected.gap_share,
        shown=collected.shown,
        seconds=time.monotonic() - began,
    )
    for path in pages:
        _write_page(path, _facts(result, run, data, way), collected.drawn, result, drawer, policy.strict)
    return result


def _sorted_outs(outs: Sequence[Path], run: LoadedRun, renderer: str | None) -> tuple[list[Path], list[Path]]:
    """Return the pages and the tables; raises `UserError` for another ending or a missing folder."""
    for path in outs:
        check_suffix(path, (*PAGE, *endings(run)), "explanations are")
        if not path.parent.is_dir():
            raise UserError(f"{path}: there is no folder {path.parent}; make it first")
    pages = [path for path in outs if path.name.lower().endswith(PAGE)]
    if renderer is not None and not pages:
        raise UserError(f"`renderer={renderer}` needs a page to draw on: pass `out=FILE.html`")
    return pages, [path for path in outs if path not in pages]


def _parts(run: LoadedRun, chunks: Iterable[RowChunk], rows: int | None) -> Iterator[RowChunk]:
    """Yield the rows in parts small enough for memory, the first ``rows`` only."""
    size = max(1, VALUES_IN_MEMORY // (run.model.max_length * max(len(run.features), 1)))
    left = rows
    for chunk in chunks:
        for part in chunk.cut(size):
            if left is None:
                yield part
                continue
            yield from part.cut(left) if len(part) <= left else islice(part.cut(left), 1)
            left -= min(left, len(part))
            if not left:
                return


def _facts(result: ExplainResult, run: LoadedRun, data: str | Path, way: Method) -> list[tuple[str, str]]:
    """Return the head of a page as names and values."""
    registry = run.registry
    settings = {
        "occlusion": f", windows of {way.window}" if way.window > 1 else "",
        "gradient": " x input",
        "integrated-gradients": f", {way.steps} steps",
    }
    shown = f", of which {result.drawn:,} are drawn" if result.drawn < result.rows else ""
    return [
        ("run", str(run.path)),
        ("domain", f"{registry.name} ({registry.provider(registry.domain)})"),
        ("rows", f"{without_secrets(str(data))}: {result.rows:,} rows{shown}"),
        ("predicted", f"{result.target}, in {result.unit}"),
        ("method", f"{result.method}{settings[result.method]}"),
    ]


def _write_page(
    path: Path,
    pairs: Sequence[tuple[str, str]],
    rows: Sequence[ExplainedRow],
    result: ExplainResult,
    drawer: Drawer,
    strict: bool,
) -> None:
    """Draw the rows and write the page; warn of a renderer that failed, or raise `PluginError` when ``strict``."""
    title = f"What carries a prediction: {Path(pairs[0][1]).name}"
    text = explanation_page(title, pairs, rows, result, drawer)
    if drawer.warning is not None:
        if strict:
            raise PluginError(drawer.warning)
        logger.warning("%s", drawer.warning)
    with writing(path) as temporary:
        temporary.write_text(printable(text), encoding="utf-8")
