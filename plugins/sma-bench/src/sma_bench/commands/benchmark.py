"""``sma benchmark``: run a suite of pre-trainings and fine-tunings and write a table of results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.options import Debug, Json, Out, names_from
from sma_core.cli.output import echo
from sma_core.errors import UserError

if TYPE_CHECKING:
    from sma_bench.benchmark import BenchmarkPlan


def benchmark(
    context: typer.Context,
    suite: Annotated[
        str,
        typer.Argument(metavar="SUITE", help="A TOML file, or DOMAIN:NAME of a suite that ships with a domain."),
    ],
    out: Out = None,
    tasks: Annotated[str | None, typer.Option("--tasks", help="Run only these tasks, comma-separated.")] = None,
    arms: Annotated[str | None, typer.Option("--arms", help="Run only these arms, comma-separated.")] = None,
    methods: Annotated[
        str | None, typer.Option("--methods", help="Run only these methods, comma-separated: finetune, probe.")
    ] = None,
    seeds: Annotated[str | None, typer.Option("--seeds", help="Run only these seeds, comma-separated.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Number of trainings to run in parallel.")] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the remaining commands without running them.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare kinds of pre-training, and none, over tasks and seeds; finished cells are not run again."""
    from sma_bench.benchmark import benchmark, plan_benchmark
    from sma_core.cli.output import as_json_text, counted

    wanted = {"tasks": names_from(tasks), "arms": names_from(arms), "methods": names_from(methods)}
    chosen = _numbers_from(seeds)
    if dry_run:
        _print_plan(plan_benchmark(suite, out=out, **wanted, seeds=chosen, policy=context.obj), as_json)
        return
    result = benchmark(
        suite,
        out=out,
        **wanted,
        seeds=chosen,
        jobs=jobs,
        tell=lambda line: echo(line, err=True),
        policy=context.obj,
    )
    if as_json:
        echo(as_json_text(result))
    else:
        echo((result.out / "table.md").read_text(encoding="utf-8"))
        echo(f"{counted(result.done, 'cell')} done, {result.missing:,} missing; suite folder {result.out}")
    if result.failures:
        raise typer.Exit(1)


def _print_plan(plan: BenchmarkPlan, as_json: bool) -> None:
    """Print the commands on stdout, and on stderr what the suite can see and how much is left."""
    from sma_bench.power import power_lines
    from sma_core.cli.output import as_json_text, counted

    if as_json:
        echo(as_json_text(plan))
        return
    for line in power_lines(plan.power):
        echo(line, err=True)
    for command in (*plan.pretrainings, *plan.cells):
        echo(command)
    cells, more = counted(len(plan.cells), "cell"), counted(plan.unknown, "more cell")
    later = f", and {more} after the sweep" if plan.unknown else ""
    echo(
        f"to do: {counted(len(plan.pretrainings), 'pre-training')} and {cells}{later}; "
        f"done: {counted(plan.done, 'cell')}",
        err=True,
    )


def _numbers_from(seeds: str | None) -> list[int] | None:
    """Parse comma-separated integers."""
    wanted = names_from(seeds)
    if wanted is None:
        return None
    if not all(number.lstrip("-").isdigit() for number in wanted):
        raise UserError(f"--seeds must be comma-separated integers, not {seeds!r}")
    return [int(number) for number in wanted]
