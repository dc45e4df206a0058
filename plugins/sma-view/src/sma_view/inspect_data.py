"""`inspect_data`: statistics of a data set or file before training on it; nothing is stored."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sma_core.data.preparation.prepare import Progress
from sma_core.feeds.feed import new_feed, normalise_name
from sma_core.feeds.text import TextFeed
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.recipes import recipe_names
from sma_core.runs.settings import Request, pretrain_settings
from sma_core.sources.data_sets import Source, locations
from sma_core.sources.source_set import SourceSet, find_sources
from sma_view.inspection import (
    Inspection,
    NumberFigures,
    RecipeFit,
    TextFigures,
    Unusable,
)
from sma_view.inspection_plot import check_plot, write_plot
from sma_view.numbers_look import NumbersLook
from sma_view.text_look import TextLook


def inspect_data(
    domain: str,
    data: str | Path | None = None,
    *,
    rows: int | None = None,
    column: str | None = None,
    columns: Sequence[str] | None = None,
    reader: str | None = None,
    target: str | None = None,
    settings: Mapping[str, Any] | None = None,
    plot: str | Path | None = None,
    force: bool = False,
    processes: int | None = None,
    progress: Progress | None = None,
    policy: PluginPolicy | None = None,
) -> Inspection:
    """Read ``data`` as training would and return statistics of usable rows and reasons of unusable ones.

    Args:
        domain: The plugin that knows the data.
        data: A data set's name, a file, or a list as in ``--data``; None: the domain's default set.
        rows: Read only the first rows; row numbers continue from file to file.
        column: Column of the text; None looks for a usual name.
        columns: Feature columns, in order; None: those of the data set, or all columns.
        reader: Name of the reader; None chooses by file suffix.
        target: Column of labels, to count equal rows of text with different labels.
        settings: Settings of data by dotted name that override the others: ``{"data.names": ["pt", "eta"]}``.
        plot: A ``.png`` file for the histograms; needs the extra ``plot``.
        force: Replace a plot that exists.
        processes: Number of processes that check rows; None: one per core.
        progress: Called with rows read, kept and set aside.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        UserError: The data cannot be found or read, or ``plot`` cannot be written or exists.
    """
    began = time.monotonic()
    plot = as_path(plot)
    check_plot(plot)
    check_outputs(plot, inputs=local_files(data), force=force)
    registry = Registry.load_named(domain, policy)
    source = None if data is None else str(data)
    named = {"source": source, "column": column, "columns": columns or None, "reader": reader}
    wanted = {f"data.{name}": value for name, value in named.items() if value is not None}
    request = Request(settings=wanted | dict(settings or {}))
    config = pretrain_settings(registry, request).config.data
    sources = find_sources(registry, config)
    feed = new_feed(registry, config)
    look: TextLook | NumbersLook
    if isinstance(feed, TextFeed):
        look = TextLook(registry, sources, rows, feed.tokenizer, normalise_name(registry, config), target)
    else:
        look = NumbersLook(registry, sources, rows, config)
    look.read(processes, progress)
    inspection = _inspection(registry, sources, look, began)
    if plot is not None:
        write_plot(inspection, plot)
    return inspection


def _inspection(registry: Registry, sources: SourceSet, look: TextLook | NumbersLook, began: float) -> Inspection:
    """Collect the statistics into the result."""
    source, counts = sources.first, look.counts
    spec = source.spec if len(sources.sources) == 1 else None
    usable = counts.rows - counts.rejected
    figures = look.figures() if usable else None
    recipes = []
    for name in recipe_names(registry):
        config = pretrain_settings(registry, Request(recipe=name)).config
        most, windows = config.model.max_length, config.data.window_overlap is not None
        recipes.append(RecipeFit(name, most, look.longer_than(most), windows))
    own, workers = _peak_megabytes()
    return Inspection(
        domain=registry.name,
        label=source.label if spec else sources.label,
        path=str(source.file),
        files=len(sources.sources),
        found=_origin(registry, source),
        summary=spec.summary if spec else None,
        source=spec.source if spec else None,
        licence=spec.licence if spec else None,
        reader=source.reader.name,
        columns=look.columns(),
        rows=counts.rows,
        usable=usable,
        whole=look.whole,
        unusable=[Unusable(kind, count, *counts.first[kind]) for kind, count in counts.reasons.most_common()],
        recipes=sorted(recipes, key=lambda fit: fit.max_length),
        text=figures if isinstance(figures, TextFigures) else None,
        numbers=figures if isinstance(figures, NumberFigures) else None,
        seconds=time.monotonic() - began,
        peak_megabytes=own,
        worker_megabytes=workers,
    )


def _origin(registry: Registry, source: Source) -> str:
    """Return how the source was located: see `Inspection.found`."""
    if source.spec is None:
        return "file"
    if source.spec.locate is not None:
        return "ships"
    names = [place.name for place in locations(registry, source.spec) if place.path == source.file]
    return names[0] if names else "cache"


def _peak_megabytes() -> tuple[float | None, float | None]:
    """Return the peak memory in megabytes of this process and of its largest child process."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None, None
    unit = 1e-6 if sys.platform == "darwin" else 1024e-6
    own, others = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own * unit, others * unit or None
