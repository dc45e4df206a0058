"""``sma benchmark``: run a suite of pre-trainings and fine-tunings, and write its table."""

from __future__ import annotations

from typing import Annotated

import typer

from sma_core.cli.options import Debug, Json, Out, names_from
from sma_core.errors import UserError


def benchmark(
    context: typer.Context,
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="A TOML file, or domain:name of one that a plugin ships.")
    ],
    out: Out = None,
    tasks: Annotated[str | None, typer.Option("--tasks", help="Only these tasks, separated by commas.")] = None,
    arms: Annotated[str | None, typer.Option("--arms", help="Only these arms, separated by commas.")] = None,
    seeds: Annotated[str | None, typer.Option("--seeds", help="Only these seeds, separated by commas.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Number of trainings that run at the same time.")] = 1,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the commands that are left, and run none.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Compare guided, random and no pre-training over tasks and seeds; finished cells are not run again."""
    from sma_bench.benchmark import benchmark, plan_benchmark
    from sma_core.cli.output import as_json_text

    chosen, kept_tasks, kept_arms = _numbers_from(seeds), names_from(tasks), names_from(arms)
    if dry_run:
        plan = plan_benchmark(suite, out=out, tasks=kept_tasks, arms=kept_arms, seeds=chosen, policy=context.obj)
        if as_json:
            typer.echo(as_json_text(plan))
            return
        for command in (*plan.pretrainings, *plan.cells):
            typer.echo(command)
        left = f"{len(plan.pretrainings):,} pre-trainings and {len(plan.cells):,} cells"
        later = f", {plan.unknown:,} more cells once the sweep has picked what they run" if plan.unknown else ""
        typer.echo(f"{left} are left{later}; {plan.done:,} cells are done", err=True)
        return
    result = benchmark(
        suite,
        out=out,
        tasks=kept_tasks,
        arms=kept_arms,
        seeds=chosen,
        jobs=jobs,
        tell=lambda line: typer.echo(line, err=True),
        policy=context.obj,
    )
    if as_json:
        typer.echo(as_json_text(result))
    else:
        typer.echo((result.out / "table.md").read_text(encoding="utf-8"))
        typer.echo(f"{result.done:,} cells are done, {result.missing:,} are missing; suite folder {result.out}")
    if result.failures:
        raise typer.Exit(1)


def _numbers_from(seeds: str | None) -> list[int] | None:
    """Read whole numbers separated by commas."""
    wanted = names_from(seeds)
    if wanted is None:
        return None
    if not all(number.lstrip("-").isdigit() for number in wanted):
        raise UserError(f"--seeds takes whole numbers separated by commas, not {seeds!r}")
    return [int(number) for number in wanted]
