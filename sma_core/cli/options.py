"""Options that several commands share, and how they become settings.

Public API for authors of commands: annotate parameters with these, so that an option has the same name, type and
help in every command of ``sma``. ``Debug`` belongs in every command: the program itself acts on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

logger = logging.getLogger("sma")

Domain = Annotated[str | None, typer.Option("--domain", help="A domain of `sma plugins list`, or a Python file.")]
Task = Annotated[str | None, typer.Option("--task", help="A task by name; empty: the domain's default.")]
Data = Annotated[
    str | None,
    typer.Option("--data", help="A set's name, a file, folder, quoted pattern or URL, or several with commas."),
]
Recipe = Annotated[
    str | None, typer.Option("--recipe", help="Settings that ship with the domain: tiny, small, paper.")
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="A TOML file of settings, laid over the recipe.")
]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="One setting; may be repeated.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run; empty: a new one under runs/.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of weights, data order, masks and dropout.")]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="[RUN|auto]",
        help="Go on with a run; auto: the newest unfinished one, else begin anew.",
    ),
]
MaxRejected = Annotated[
    float | None, typer.Option("--max-rejected", help="Stop when a larger share of rows is unusable.")
]
Kind = Literal["regression", "binary", "multilabel", "multiclass", "per-position"]
Column = Annotated[str | None, typer.Option("--input", help="Column that holds the input.")]
Columns = Annotated[
    str | None, typer.Option("--columns", help="Features of rows of numbers, with commas, in order.")
]
SplitColumn = Annotated[str | None, typer.Option("--split-column", help="Column that says train, valid or test.")]
Reader = Annotated[str | None, typer.Option("--reader", help="Reader by name; empty: by suffix.")]
Identifier = Annotated[
    str | None, typer.Option("--id", metavar="COLUMN", help="Column that names the rows; it is copied.")
]
Layer = Annotated[
    int | None,
    typer.Option("--layer", min=0, help="Layer of the trunk, 0 for the first attention; empty: the last."),
]
BatchTokens = Annotated[int, typer.Option("--batch-tokens", min=1, help="Padded inputs in one forward pass.")]
Arithmetic = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    typer.Option("--precision", help="Arithmetic; auto: bf16 where the machine multiplies it, which is faster."),
]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print settings, parameters and steps, then leave.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Devices = Annotated[
    int | None,
    typer.Option("--devices", min=1, help="Compute in so many processes: GPUs, or parts of this machine's CPU."),
]
TimeLimit = Annotated[
    str | None, typer.Option("--time-limit", help="Save and stop after this time, such as 3h55m; exit status 75.")
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def settings_from(
    assignments: list[str] | None,
    data: str | None = None,
    seed: int | None = None,
    max_rejected: float | None = None,
    **others: Any,  # noqa: ANN401 - settings of any type
) -> dict[str, Any]:
    """Join ``--set`` and the options that stand for a setting; an option that was given wins."""
    from sma_core.config.layers import flatten, parse_assignments

    options = {"data.source": data, "training.seed": seed, "data.max_rejected": max_rejected, **others}
    given = {setting: value for setting, value in options.items() if value is not None}
    return dict(flatten(parse_assignments(assignments or []))) | given


def deprecated(option: str, instead: str) -> Callable[[Any], Any]:
    """Return a ``callback`` for an option that is to go: it works, and one line says what to type instead."""

    def say(value: Any) -> Any:  # noqa: ANN401 - the option's own
        if value is not None and value is not False:
            logger.warning("%s is deprecated and will go: %s", option, instead)
        return value

    return say


def names_from(text: str | None) -> list[str] | None:
    """Split names that stand in one option with commas between; None when it was not given."""
    return [name.strip() for name in text.split(",")] if text else None
