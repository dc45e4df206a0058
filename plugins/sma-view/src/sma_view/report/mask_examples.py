"""Masks of a few held-out rows along a pre-training: recorded at each evaluation, and drawn in the report.

The file ``masks.jsonl`` of a run has a line for each evaluation and row. Letter: N positions of a row.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from sma_core.config import PretrainConfig
from sma_core.documents import json_text
from sma_core.feeds.feed import feed_of
from sma_core.files import write_atomically
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.drawn_row import DrawnRow
from sma_core.plugins.events import Evaluated, MaskExample, RunStarted
from sma_core.plugins.registry import Registry
from sma_core.runs.run_folder import RunFolder
from sma_core.sources.source_set import find_mixture
from sma_view.drawer import Drawer
from sma_view.page import drawing, remark, section
from sma_view.report.run_facts import RunFacts
from sma_view.stored_rows import StoredRows

NAME = "masks.jsonl"
PICTURES = 5
"""Steps whose masks are drawn: the first, the last, and more of the early ones between them."""
MEANING = (
    "How often the masking strategy hides each input of a held-out row, in {} masks, relative to the mean of the "
    "row; boxed where more than half of the masks hide it."
)


def begin(event: RunStarted) -> None:
    """Remove the lines after the step at which a run is resumed, which it writes again."""
    path = event.run / NAME
    if path.is_file():
        kept = [line for line in _lines(path) if int(line["step"]) <= event.step] if event.step else []
        write_atomically(path, "".join(json_text(line) + "\n" for line in kept))


def record(event: Evaluated) -> None:
    """Append the masks of an evaluation to the file."""
    if event.examples:
        lines = (json_text({"step": event.step, **asdict(example)}) + "\n" for example in event.examples)
        with (event.run / NAME).open("a", encoding="utf-8") as file:
            file.writelines(lines)


def read_examples(run: Path) -> dict[int, dict[int, MaskExample]]:
    """Return the masks of each row by step; empty without the file."""
    rows: dict[int, dict[int, MaskExample]] = {}
    for line in _lines(run / NAME):
        with suppress(KeyError, TypeError, ValueError):
            example = MaskExample(int(line["row"]), tuple(map(int, line["times"])), int(line["draws"]))
            rows.setdefault(example.row, {})[int(line["step"])] = example
    return rows


def along_training(run: RunFacts, policy: PluginPolicy | None) -> str:
    """Return a section with the masks of a few held-out rows at a few steps; empty if none are recorded.

    Raises `SmaError` when the rows cannot be read.
    """
    examples = read_examples(run.path)
    if not examples:
        return ""
    rows, drawer = _stored_rows(run, policy), Drawer(Registry.load(run.record.domain.name, policy))
    parts = []
    for index, by_step in examples.items():
        row = rows.drawn(index, f"m{index}-")
        if row is None:
            continue
        number = rows.number(index)
        pictures = [
            drawing(f"step {step:,}", drawer.draw(_masked(row, by_step[step]), number)) for step in _some(by_step)
        ]
        parts += [remark(f"row {number:,}"), f'<div class="charts">{"".join(pictures)}</div>']
    draws = next(iter(next(iter(examples.values())).values())).draws
    return section("Masks along training", [remark(MEANING.format(draws)), *parts] if parts else [])


def _stored_rows(run: RunFacts, policy: PluginPolicy | None) -> StoredRows:
    """Open the prepared rows of a pre-training."""
    folder = RunFolder.open(run.path)
    registry, config = Registry.load(run.record.domain.name, policy), folder.settings(PretrainConfig)
    feed, longest, grid = (
        feed_of(registry, config.data, folder.record()),
        config.model.max_length,
        config.model.grid,
    )
    sources = find_mixture(registry, config.data)
    store = feed.prepare(registry, sources, config.data, longest, grid=grid).open()
    return StoredRows(feed, store, longest, grid or ())


def _some(by_step: Mapping[int, MaskExample]) -> list[int]:
    """Return at most `PICTURES` steps, the first and the last among them."""
    steps = sorted(by_step)
    places = np.unique(np.geomspace(1, len(steps), PICTURES).round().astype(int) - 1)
    return [steps[place] for place in places]


def _masked(row: DrawnRow, example: MaskExample) -> DrawnRow:
    """Return a row with the frequency of masks as its importance."""
    times = np.array(example.times[: len(row.importance)], dtype=float)
    mean = times.mean() if len(times) else 0.0
    relative = times / mean if mean else np.full(len(times), np.nan)
    often = frozenset(np.flatnonzero(2 * times > example.draws).tolist())
    return replace(row, importance=tuple(relative.tolist()), hidden=often)


def _lines(path: Path) -> list[dict[str, Any]]:
    lines = []
    with suppress(OSError), path.open(encoding="utf-8", errors="replace") as file:
        for text in file:
            with suppress(ValueError):  # the last line of a killed process may be cut
                line = json.loads(text)
                if isinstance(line, dict) and isinstance(line.get("step"), int):
                    lines.append(line)
    return lines
