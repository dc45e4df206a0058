"""``sma plugins check``: run the plugin contract on an installed plugin or a project folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo

if TYPE_CHECKING:
    from sma_kit.check_plugin import CheckReport

_OUTCOMES = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}


def check(
    context: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="NAME|PATH", help="An installed plugin, or a plugin's project folder.")
    ],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the contract tests on an installed plugin or a project folder.

    A project is checked with the rows of its own tests. The exit status is 1 when a check fails.
    """
    from sma_core.cli.output import as_json_text, waiting
    from sma_kit.check_plugin import check_plugin

    with waiting("checking"):
        report = check_plugin(target, context.obj)
    echo(as_json_text(report) if as_json else "\n".join(check_lines(report)))
    if report.count("failed"):
        raise typer.Exit(1)


def check_lines(report: CheckReport) -> list[str]:
    """Return a line per check, followed by its reason if there is one, and the counts."""
    lines = []
    for check in report.checks:
        lines += [f"{_OUTCOMES[check.outcome]}  {check.name}"]
        lines += [f"      {check.sentence}"] if check.sentence else []
    counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in _OUTCOMES)
    return [*lines, f"{report.plugin}: {len(report.checks)} checks, {counts}"]
