"""`report`: write what runs did on one page: settings, data, learning curves, test metrics and predictions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import SmaError, UserError
from sma_core.paths import as_path, check_outputs
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.printable import printable
from sma_core.verbs.evaluate import JudgedPart
from sma_core.writers.tables import check_suffix, writing
from sma_view.drawer import Drawer
from sma_view.page import page, remark, section
from sma_view.report import sections
from sma_view.report.charts import require_matplotlib
from sma_view.report.mask_examples import along_training
from sma_view.report.predictions import judge_rows
from sma_view.report.run_facts import RunFacts

logger = logging.getLogger("sma")

NAME = "report.html"
BOOTSTRAP = 1000


@dataclass(frozen=True)
class ReportResult:
    """The page, the runs on it, and sentences on what it lacks."""

    page: Path
    runs: tuple[Path, ...]
    lacking: tuple[str, ...] = ()


def report(
    runs: str | Path | Sequence[str | Path],
    *,
    out: str | Path | None = None,
    predictions: bool = True,
    force: bool = False,
    policy: PluginPolicy | None = None,
) -> ReportResult:
    """Write the report of one or several runs, finished or not, to an HTML file that needs no network.

    Args:
        runs: Run folders of `train` and `finetune`.
        out: HTML file; None writes ``report.html`` to the folder of the only run, and replaces it.
        predictions: Predict the test rows of fine-tuned runs, for charts, worst rows and intervals. Rows that
            cannot be read are told on the page.
        force: Replace ``out`` if it exists.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        CheckpointError: A run is no run folder, or is damaged.
        DataError: The page cannot be written.
        UserError: matplotlib is not installed; ``out`` exists (unless ``force``), or is missing for several runs.
    """
    require_matplotlib()
    paths = [as_path(run) for run in ([runs] if isinstance(runs, str | Path) else runs)]
    if not paths:
        raise UserError("name at least one run")
    if out is None and len(paths) > 1:
        raise UserError("for several runs, name the page with `out=FILE.html`")
    target = paths[0] / NAME if out is None else as_path(out)
    check_suffix(target, (".html", ".htm"), "the page is")
    if out is not None:
        check_outputs(target, inputs=(), force=force)
    read = [RunFacts.read(path, policy) for path in paths]
    lacking: list[str] = []
    labels = labels_of(read)
    body = [sections.learning(labels, "Learning curves of all runs")] if len(read) > 1 else []
    for label, run in labels.items():
        parts = _parts(run, predictions, policy, lacking)
        body += [section(label, parts, anchor=label)] if len(read) > 1 else parts
    title = f"Run {read[0].path.name}" if len(read) == 1 else f"{len(read)} runs"
    with writing(target) as temporary:
        temporary.write_text(printable(page(title, body)), encoding="utf-8")
    return ReportResult(target, tuple(paths), tuple(lacking))


def labels_of(runs: Sequence[RunFacts]) -> dict[str, RunFacts]:
    """Return the runs by the names of their folders, or by their paths where these are equal."""
    names = [run.path.name for run in runs]
    return {(run.path.name if names.count(run.path.name) == 1 else str(run.path)): run for run in runs}


def _parts(run: RunFacts, predictions: bool, policy: PluginPolicy | None, lacking: list[str]) -> list[str]:
    parts = [sections.summary(run), sections.settings(run), sections.data(run)]
    parts.append(sections.learning({run.path.name: run}))
    if not run.is_finetuned:
        return [*parts, _masks(run, policy, lacking)]
    if not run.record.finished:
        return parts
    part: JudgedPart = "test" if run.results.get("test") else "valid"
    if not predictions:
        return [*parts, sections.test_metrics(run, None)]
    try:
        judged = judge_rows(run.path, part, BOOTSTRAP, policy)
    except SmaError as error:
        lacking.append(f"{run.path}: no charts of predictions, since the rows cannot be read: {error}")
        return [*parts, sections.test_metrics(run, None), remark(lacking[-1])]
    return [
        *parts,
        sections.test_metrics(run, judged.result if part == "test" else None),
        sections.rows_of(judged, part, Drawer(Registry.load(run.record.domain.name, policy))),
    ]


def _masks(run: RunFacts, policy: PluginPolicy | None, lacking: list[str]) -> str:
    """Return the section on masks along training, or why there is none."""
    try:
        return along_training(run, policy)
    except SmaError as error:
        lacking.append(f"{run.path}: no masks along training, since the rows cannot be read: {error}")
        return remark(lacking[-1])
