"""``sma compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.options import Debug, Force, Json
from sma_core.cli.output import aligned, as_json_text, echo
from sma_core.cli.run_domain import reads_run

if TYPE_CHECKING:
    from sma_view.report.compare import Comparison


@reads_run
def compare(
    context: typer.Context,
    runs: Annotated[
        list[Path], typer.Argument(help="Two or more run folders; the others are compared with the first.")
    ],
    page: Annotated[Path | None, typer.Option("--page", help="HTML file with the curves of all runs.")] = None,
    force: Force = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show how runs differ in settings and figures, and paired differences on the same test rows."""
    from sma_view.report.compare import compare
    from sma_view.report.report import report

    result = compare(runs, policy=context.obj)
    if page is not None:
        report(runs, out=page, force=force, policy=context.obj)
    if as_json:
        echo(as_json_text(result))
        return
    for line in _lines(result):
        echo(line)
    if page is not None:
        echo(f"page {page}")


def _lines(result: Comparison) -> list[str]:
    """Return tables of settings, figures and differences."""
    settings = [("SETTING", *result.runs), *((name, *values) for name, values in result.settings.items())]
    figures = [
        ("FIGURE", *result.runs),
        *((name, *map(_number, values)) for name, values in result.figures.items()),
    ]
    lines = aligned(settings) if result.settings else ["the runs have the same settings"]
    lines += ["", *aligned(figures)]
    if not result.differences:
        return [*lines, "", f"no paired differences: {result.lacking}"]
    rows = [(f"MINUS {result.runs[0]}", "METRIC", "DIFFERENCE", "95 % INTERVAL")]
    rows += [
        (one.run, one.metric, f"{one.value:+.4g}", f"{one.low:+.4g} to {one.high:+.4g}")
        for one in result.differences
    ]
    lines += ["", *aligned(rows)]
    for one in {difference.run: difference for difference in result.differences}.values():
        if one.better_rows is not None:
            shares = f"in {one.better_rows:.0%} of {one.rows:,} test rows, an equal one in {one.equal_rows:.0%}"
            lines.append(f"{one.run} has a smaller error than {result.runs[0]} {shares}")
    return [*lines, "intervals by the paired bootstrap of test rows; they do not cover other seeds or splits"]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
