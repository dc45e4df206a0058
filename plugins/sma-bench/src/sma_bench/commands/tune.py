"""``sma tune``: search the settings of a fine-tuning."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sma_bench.commands.finetuning_options import takes_finetuning
from sma_bench.members.search_space import DEFAULT
from sma_core.cli.finetune import request_from
from sma_core.cli.options import Debug, Domain, Json
from sma_core.cli.output import as_json_text, counted, echo, metric_text, progress, warning_lines

if TYPE_CHECKING:
    from sma_bench.members.tune import TuneResult


@takes_finetuning("no_baselines")
def tune(
    context: typer.Context,
    domain: Domain = None,
    trials: Annotated[int, typer.Option("--trials", min=2, help="Number of fine-tunings.")] = 20,
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            metavar="NAME=RANGE",
            help="A setting to vary, NAME=LOW..HIGH or NAME=A,B,C; repeatable. Default: " + " ".join(DEFAULT),
        ),
    ] = None,
    search_seed: Annotated[int, typer.Option("--search-seed", min=0, help="Seed of the search.")] = 0,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the trials; running again continues. Default: under runs/."),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Search settings by the validation rows; only the best trial is scored on the test, once."""
    from sma_bench.members.tune import tune

    result = tune(
        domain,
        trials=trials,
        search=search or DEFAULT,
        seed=search_seed,
        out=out,
        **request_from({**context.params, "no_baselines": True}),
        observers=[progress()],
        tell=lambda line: echo(line, err=True),
        policy=context.obj,
    )
    echo(as_json_text(result) if as_json else "\n".join(_lines(result)))


def _between(low: float, high: float) -> str:
    return f" [{metric_text(low)}, {metric_text(high)}]"


def _lines(result: TuneResult) -> list[str]:
    stopped = sum(trial.state == "stopped" for trial in result.trials)
    first = "" if result.first is None else f"; with the settings as given {metric_text(result.first)}"
    changed = " ".join(f"--set {name}={value}" for name, value in result.settings.items())
    test = ", ".join(
        f"{name} {metric_text(figure.value)}"
        + ("" if figure.low is None or figure.high is None else _between(figure.low, figure.high))
        for name, figure in result.test.items()
    )
    run = shlex.quote(str(result.best))
    return [
        f"{counted(len(result.trials), 'trial')}, {stopped} stopped early, {result.seconds / 60:.1f} min",
        f"best validation {result.metric} {metric_text(result.value)}{first}",
        f"settings: {changed or 'as given'}",
        *warning_lines(result.warnings),
        f"test, scored once, with 95 % intervals: {test}",
        f"run {result.best}\nnext: sma predict --model {run} FILE",
    ]
