"""`plot`: write one chart of a run to a file, for papers and slides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import UserError
from sma_core.paths import as_path, check_outputs
from sma_core.plugins.discovery import PluginPolicy
from sma_core.verbs.evaluate import JudgedPart
from sma_core.writers.tables import check_suffix, writing
from sma_view.report.charts import Draw, curves, figure_of, require_matplotlib
from sma_view.report.label_charts import charts_of
from sma_view.report.predictions import TargetPredictions, judge_rows
from sma_view.report.run_facts import RunFacts

SUFFIXES = (".png", ".svg", ".pdf")
LOSS = "loss"
BLACK, GREY = "#000000", "#d9d9d9"
DOTS_PER_INCH = 300


@dataclass(frozen=True)
class PlotResult:
    """The file, and the kinds of charts that the run has."""

    out: Path
    kinds: tuple[str, ...]


def plot(
    run: str | Path,
    out: str | Path,
    *,
    kind: str | None = None,
    target: str | None = None,
    force: bool = False,
    policy: PluginPolicy | None = None,
) -> PlotResult:
    """Write a chart of a run to a PNG, SVG or PDF file.

    Args:
        run: A run folder.
        out: The file; its ending is the format. PNG has 300 dots per inch.
        kind: ``loss``; of test rows ``parity`` or ``residuals`` (regression), ``roc``, ``precision-recall`` or
            ``reliability`` (two classes), ``confusion`` (classes). None: the first that the run has.
        target: Label column; None is the only one.
        force: Replace ``out`` if it exists.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        CheckpointError: ``run`` is no run folder.
        DataError: The test rows cannot be read, or the file not written.
        UserError: matplotlib is not installed, the run has no such chart or target, or ``out`` exists (unless
            ``force``).
    """
    require_matplotlib()
    path = as_path(out)
    check_suffix(path, SUFFIXES, "the chart is")
    check_outputs(path, inputs=(), force=force)
    facts = RunFacts.read(as_path(run), policy)
    charts: dict[str, Draw] = {}
    if facts.is_finetuned and facts.record.finished and kind != LOSS:
        charts = charts_of(_target(facts, target, policy))
    names = [name for name in facts.curves if name == LOSS or name.startswith("held_out")]
    charts[LOSS] = curves({name: facts.curves[name] for name in names}, "loss")
    chosen = kind or next(iter(charts))
    if chosen not in charts:
        raise UserError(f"{facts.path} has no chart {chosen!r}; it has {', '.join(charts)}")
    figure = figure_of(charts[chosen], BLACK, GREY)
    with writing(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=DOTS_PER_INCH)
    return PlotResult(path, tuple(charts))


def _target(facts: RunFacts, name: str | None, policy: PluginPolicy | None) -> TargetPredictions:
    """Return the predictions of a target of the test rows, or of validation rows if there is no test."""
    part: JudgedPart = "test" if facts.results.get("test") else "valid"
    targets = judge_rows(facts.path, part, 0, policy).targets
    matching = [target for target in targets if name in (None, target.name)]
    if len(matching) != 1:
        names = ", ".join(target.name for target in targets)
        raise UserError(f"{facts.path} has the targets {names}: name one with `target`")
    return matching[0]
