"""The page that `masks` writes: its file name, its head, and the file."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from sma_core.config import MaskingConfig
from sma_core.errors import PluginError, UserError
from sma_core.models.loaded_run import LoadedRun
from sma_core.printable import printable
from sma_core.urls import without_secrets
from sma_core.writers.tables import check_suffix, writing
from sma_view.drawer import Drawer
from sma_view.masks_page import PageRow, masks_page

logger = logging.getLogger("sma")


def check_page(page: Path | None, renderer: str | None) -> None:
    """Raise `UserError` when the page cannot be written, before anything is read."""
    if page is not None:
        check_suffix(page, (".html", ".htm"), "the page is")
        if not page.parent.is_dir():
            raise UserError(f"{page}: there is no folder {page.parent}; make it first")
    elif renderer is not None:
        raise UserError(f"`renderer={renderer}` needs a page to draw on: pass `page=FILE.html`")


def head(
    run: LoadedRun, data: str | Path, masking: MaskingConfig, seeds: range, measures: Mapping[str, float]
) -> list[tuple[str, str]]:
    """Return the head of a page as names and values: run, domain, rows, masking, measures."""
    registry = run.registry
    draws = f"{seeds.start}" if len(seeds) == 1 else f"{seeds.start} to {seeds.stop - 1}, one a mask"
    return [
        ("run", str(run.path)),
        ("domain", f"{registry.name} ({registry.provider(registry.domain)})"),
        ("rows", without_secrets(str(data))),
        ("masking", f"{masking.strategy}, ratio {masking.ratio:g}"),
        ("seed", draws),
        *((name, sentence) for name, sentence in explained_measures(measures, masking).items()),
    ]


def explained_measures(measures: Mapping[str, float], masking: MaskingConfig) -> dict[str, str]:
    """Return each mean measure as a sentence that says what it would be for random masks."""
    ratio = masking.ratio
    meanings = {
        "overlap": f"of a query's top inputs are those of another too ({ratio:.2f} if random, 1 if queries agree)",
        "change": f"of hidden inputs are visible in the next mask ({1 - ratio:.2f} if random, 0 if all are alike)",
        "entropy": "of the largest entropy of importance (1 if attention is uniform)",
    }
    return {name: f"{value:.2f} {meanings[name]}" for name, value in measures.items()}


def write_page(
    page: Path, facts: Sequence[tuple[str, str]], rows: Sequence[PageRow], drawer: Drawer, strict: bool
) -> None:
    """Draw all rows and write the page; warn of a renderer that did not draw some.

    Raises `PluginError` in place of the warning when ``strict``, and `DataError` when the file cannot be written.
    """
    text = masks_page(f"What is hidden: {Path(facts[0][1]).name}", facts, rows, drawer)
    if drawer.warning is not None:
        if strict:
            raise PluginError(drawer.warning)
        logger.warning("%s", drawer.warning)
    with writing(page) as temporary:
        temporary.write_text(printable(text), encoding="utf-8")
