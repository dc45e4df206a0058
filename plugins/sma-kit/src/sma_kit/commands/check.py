"""``sma plugins check``: run the plugin contract on an installed plugin, a project folder or a Python file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo
from sma_core.cli.program.option_names import in_options

if TYPE_CHECKING:
    from sma_kit.check_plugin import CheckReport

_OUTCOMES = {"passed": "pass", "failed": "FAIL", "skipped": "skip"}


def check(
    context: typer.Context,
    target: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH",
            help="An installed plugin, a plugin's project folder, or a Python file that defines a domain.",
        ),
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            "--data",
            help="File of rows to check an installed domain or a Python file with. Default: the domain's sample.",
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Run the contract tests on an installed plugin, a project folder or a Python file that defines a domain.

    A project is checked with the rows of its own tests. The exit status is 1 when a check fails.
    """
    from sma_core.cli.output import as_json_text, waiting
    from sma_kit.check_plugin import check_plugin

    with waiting("checking"):
        report = check_plugin(target, context.obj, data=data)
    echo(as_json_text(report) if as_json else "\n".join(check_lines(report)))
    if report.count("failed"):
        raise typer.Exit(1)


def check_lines(report: CheckReport) -> list[str]:
    """Return a line per check, followed by its reason if there is one, and the counts."""
    lines = []
    for check in report.checks:
        lines += [f"{_OUTCOMES[check.outcome]}  {check.name}"]
        lines += [f"      {in_options(check.sentence)}"] if check.sentence else []
    counts = ", ".join(f"{report.count(outcome)} {outcome}" for outcome in _OUTCOMES)
    return [*lines, f"{report.plugin}: {len(report.checks)} checks, {counts}"]
