"""Options shared by several commands, and their conversion to settings.

Public API for authors of commands: annotate parameters with these, so that an option has the same name, type and
help in every command of ``sma``. Every command should have ``Debug``, which the program itself handles.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

logger = logging.getLogger("sma")

Domain = Annotated[
    str | None, typer.Option("--domain", help="Name of a domain (see `sma plugins list`), or a Python file.")
]
Task = Annotated[str | None, typer.Option("--task", help="Name of a task. Default: the domain's.")]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", help="A data set's name, file, folder, quoted pattern or URL, or a comma-separated list."
    ),
]
Recipe = Annotated[str | None, typer.Option("--recipe", help="Recipe of the domain: tiny, small or paper.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings that override the recipe.")
]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Override one setting; can be repeated.")
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder of the run. Default: a new folder under runs/.")]
Seed = Annotated[int | None, typer.Option("--seed", help="Random seed of weights, data order, masks and dropout.")]
Resume = Annotated[
    str | None,
    typer.Option(
        "--resume",
        metavar="[RUN|auto]",
        help="Resume a run; auto: the newest unfinished run, else start a new one.",
    ),
]
MaxRejected = Annotated[
    float | None, typer.Option("--max-rejected", help="Largest fraction of unusable rows; more is an error.")
]
Fresh = Annotated[
    bool, typer.Option("--fresh", help="Read and prepare the rows again, although prepared rows are cached.")
]
Kind = Literal["regression", "binary", "multilabel", "multiclass", "per-position"]
Column = Annotated[
    str | None,
    typer.Option("--input", help="Column of the input, or two for pairs of texts: sentence1,sentence2."),
]
Columns = Annotated[
    str | None, typer.Option("--columns", help="Feature columns of numeric rows, comma-separated, in order.")
]
Exclude = Annotated[
    str | None,
    typer.Option(
        "--exclude", help="Columns of numeric rows that are not features, comma-separated: labels, weights, ids."
    ),
]
Delimiter = Annotated[
    str | None,
    typer.Option(
        "--delimiter", help="Character between columns, or tab. Default: found in the file's first lines."
    ),
]
SplitColumn = Annotated[str | None, typer.Option("--split-column", help="Column that holds train, valid or test.")]
Reader = Annotated[
    str | None, typer.Option("--reader", help="Name of the reader. Default: chosen by file suffix.")
]
Identifier = Annotated[
    str | None, typer.Option("--id", metavar="COLUMN", help="Column of row identifiers, copied to the output.")
]
Layer = Annotated[
    int | None,
    typer.Option("--layer", min=0, help="Encoder layer, 0 for the first attention. Default: the last."),
]
WindowOverlap = Annotated[
    int | None,
    typer.Option(
        "--window-overlap",
        min=0,
        metavar="N",
        help="Read rows longer than the model in windows that share N ids. Default: read their beginning.",
    ),
]
BatchTokens = Annotated[
    int, typer.Option("--batch-tokens", min=1, help="Maximum number of padded inputs in one forward pass.")
]
Arithmetic = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    typer.Option(
        "--precision", help="Floating-point precision; auto: bf16 where the device supports it natively."
    ),
]
Device = Annotated[str, typer.Option("--device", help="Device: auto, cpu, cuda or cuda:N.")]
Force = Annotated[bool, typer.Option("--force", help="Replace output files that exist.")]
EscapeFormulas = Annotated[
    bool,
    typer.Option(
        "--escape-formulas", help="Put ' before texts that a spreadsheet would take for formulas (= + - @ tab)."
    ),
]
Interval = Annotated[
    float | None,
    typer.Option(
        "--interval",
        metavar="LEVEL",
        help="Conformal intervals, or sets of classes, that hold the label with this probability, such as 0.9.",
    ),
]
Calibrated = Annotated[
    bool,
    typer.Option("--calibrated", help="Probabilities with a temperature that was fitted on validation rows."),
]
Add = Annotated[
    list[str] | None,
    typer.Option("--add", metavar="NAME[=VALUE]", help="Columns of a plugin, by name; repeatable."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print what would be trained, without training.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Devices = Annotated[
    int | None,
    typer.Option("--devices", min=1, help="Number of processes: one per GPU, or a share of the CPU cores each."),
]
TimeLimit = Annotated[
    str | None,
    typer.Option("--time-limit", help="Save and stop after this time, such as 3h55m, with exit status 75."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of errors.")]


def settings_from(
    assignments: list[str] | None,
    data: str | None = None,
    seed: int | None = None,
    max_rejected: float | None = None,
    **others: Any,  # noqa: ANN401 - settings of any type
) -> dict[str, Any]:
    """Combine ``--set`` with the options that change a setting; options take precedence."""
    from sma_core.config.layers import flatten, parse_assignments

    options = {"data.source": data, "training.seed": seed, "data.max_rejected": max_rejected, **others}
    passed = {setting: value for setting, value in options.items() if value is not None}
    return dict(flatten(parse_assignments(assignments or []))) | passed


def wanted_columns(add: list[str] | None, **named: str | float | None) -> dict[str, str | float | bool]:
    """Return the columns to add from the options ``--add NAME[=VALUE]`` and those of their own."""
    pairs = (text.partition("=") for text in add or [])
    values: dict[str, str | float | bool] = {name: value if equals else True for name, equals, value in pairs}
    return values | {name: value for name, value in named.items() if value is not None and value is not False}


def deprecated(option: str, instead: str) -> Callable[[Any], Any]:
    """Return a ``callback`` for a deprecated option, which still works but warns with ``instead``."""

    def warn(value: Any) -> Any:  # noqa: ANN401 - the option's type
        if value is not None and value is not False:
            logger.warning("%s is deprecated and will be removed: %s", option, instead)
        return value

    return warn


def names_from(text: str | list[str] | None) -> list[str] | None:
    """Split the comma-separated names of an option, of which some may be quoted; None when it was not passed."""
    from sma_core.config.settings import split_names

    texts = [text] if isinstance(text, str) else text or []
    return [name for part in texts for name in split_names(part)] or None
