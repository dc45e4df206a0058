"""``sma parity``: compare with outputs recorded from the authors' code."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import aligned, echo
from sma_core.errors import EXIT_CHECK_FAILED

if TYPE_CHECKING:
    from sma_authors.comparison import Verdict


def parity(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders of recorded models or masks.")
    ],
    brief: Annotated[
        bool,
        typer.Option("--brief", help="Print one line per folder, and one per tensor that does not pass."),
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Recompute recorded models and masks and compare every tensor; exit with status 1 if one differs."""
    from sma_authors.parity import parity

    verdicts = parity(folders)
    if as_json:
        echo(json.dumps([asdict(verdict) for verdict in verdicts], indent=1))
    else:
        for line in _summary(verdicts) if brief else _table(verdicts):
            echo(line)
        counts = Counter(verdict.verdict for verdict in verdicts)
        echo(f"{counts['pass']} pass, {counts['fail']} fail, {counts['left out']} left out")
    if any(verdict.verdict == "fail" for verdict in verdicts):
        raise typer.Exit(EXIT_CHECK_FAILED)


def _table(verdicts: list[Verdict]) -> list[str]:
    """Return the table of all verdicts as aligned lines."""
    rows = [("CASE", "TENSOR", "DIFFERENCE", "TOLERANCE", "VERDICT", "")]
    rows += [(v.case, v.tensor, _number(v.difference), _number(v.tolerance), v.verdict, v.note) for v in verdicts]
    return aligned(rows, right={2, 3})


def _summary(verdicts: list[Verdict]) -> list[str]:
    """Return one line per case, with the tensor closest to its tolerance, then all that did not pass."""
    lines = [("CASE", "TENSORS", "PASS", "CLOSEST TO ITS TOLERANCE")]
    for case in dict.fromkeys(verdict.case for verdict in verdicts):
        own = [verdict for verdict in verdicts if verdict.case == case]
        measured = [v for v in own if v.difference is not None and v.tolerance]
        nearest = max(measured, key=lambda v: (v.difference or 0.0) / (v.tolerance or 1.0), default=None)
        closest = (
            f"{nearest.tensor}: {_number(nearest.difference)} of {_number(nearest.tolerance)}" if nearest else "-"
        )
        lines.append((case, str(len(own)), str(sum(v.verdict == "pass" for v in own)), closest))
    failures = [v for v in verdicts if v.verdict != "pass"]
    return aligned(lines) + [
        f"{v.verdict}: {v.case}, {v.tensor}: {v.note or _number(v.difference)}" for v in failures
    ]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2g}"
