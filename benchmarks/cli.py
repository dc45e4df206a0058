"""Command line of the benchmarks: options, and output, storage and comparison of results."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import typer

from benchmarks.machine import Machine, commit
from benchmarks.reports import Found, Report, keep, previous, then_and_now, write
from sma_core.devices.device import FixedPrecision, choose_device, choose_precision, is_native
from sma_core.errors import UserError
from sma_core.memory import keep_freed_memory

app = typer.Typer(
    help="Benchmarks; methods are described in docs/speed.md.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def program() -> None:
    """Configure memory as ``sma`` does, and record the commit."""
    keep_freed_memory()
    commit()  # cached now, because the working tree may change during the run


PRECISIONS: tuple[Literal["fp32"], Literal["bf16"]] = ("fp32", "bf16")
AGAINST = ("transformers", "previous")
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")]
Repeats = Annotated[int, typer.Option(min=1, help="Number of timed rounds.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads of torch; 0: torch's default.")]
Precision = Annotated[
    str, typer.Option(help="fp32, bf16, or both separated by a comma; default: those native to the device.")
]
OnePrecision = Annotated[Literal["auto", "fp32", "bf16"], typer.Option(help="Precision; auto: as in training.")]
Names = Annotated[str, typer.Option("--workload", help="Workloads, separated by commas; default: all.")]
Plot = Annotated[Path | None, typer.Option(help="Write a plot to this .svg or .png file.")]
Against = Annotated[
    str, typer.Option(help="Compare with transformers, previous (stored results), or both separated by a comma.")
]
Earlier = Annotated[str, typer.Option(help="previous: compare with stored results of this machine.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the results to this file.")]
Keep = Annotated[bool, typer.Option("--keep", help="Store the results in benchmarks/results/.")]
Tiny = Annotated[bool, typer.Option("--tiny", hidden=True, help="Small sizes, for tests.")]
_NOT_SAID = {"json", "kept", "plot"}
"""Output options, which are not part of the report."""


def chosen(text: str, known: tuple[str, ...], option: str) -> list[str]:
    """Split a comma-separated list; raise `BadParameter` for an unknown name."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}", param_hint=option)
    return names


def workloads(text: str, known: Iterable[str]) -> list[str]:
    """Parse workload names; default: all."""
    return chosen(text, tuple(known), "--workload") or list(known)


def with_peer(against: str) -> bool:
    """Return whether to measure the peer too."""
    return "transformers" in chosen(against, AGAINST, "--against")


def arithmetics(text: str, device: torch.device) -> list[FixedPrecision]:
    """Parse precisions; default: those native to the device."""
    precisions: Any = chosen(text, PRECISIONS, "--precision")
    return precisions or [precision for precision in PRECISIONS if is_native(precision, device)]


def ready(device: str, threads: int = 0) -> torch.device:
    """Set the number of threads and return the device; raise `BadParameter` if it is not available."""
    if threads:
        torch.set_num_threads(threads)
    try:
        return choose_device(device)
    except UserError as error:
        raise typer.BadParameter(str(error), param_hint="--device") from error


def finish(
    context: typer.Context, results: Found, device: torch.device, against: str, file: Path | None, kept: bool
) -> None:
    """Print the results, and compare, write and store them as requested."""
    machine = Machine.here(device)
    report = Report.of(str(context.info_name), said(context), results, machine)
    print(f"{report.line()}\n\n{results.text}")
    if "previous" in chosen(against, AGAINST, "--against"):
        print(f"\n{then_and_now(report, previous(report.command, machine))}")
    if file is not None:
        write(file, [report])
    if kept and "tiny" in report.options:
        raise typer.BadParameter("results of --tiny cannot be stored", param_hint="--keep")
    if kept:
        print(f"\nstored in {keep(report)}")


def said(context: typer.Context) -> dict[str, str]:
    """Return the options on the command line except output options; names of arguments are in capitals."""
    options: dict[str, str] = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in _NOT_SAID:
            options[_spelled(parameter)] = _text(parameter, context.params[str(parameter.name)])
    return options


def _spelled(parameter: Any) -> str:  # noqa: ANN401 - a click parameter
    name = str(max(parameter.opts, key=len)).lstrip("-")
    return name.upper() if parameter.param_type_name == "argument" else name


def _text(parameter: Any, value: Any) -> str:  # noqa: ANN401 - a click parameter and its value
    if parameter.param_type_name == "argument":  # a file; omit its folder
        return Path(value).name
    if isinstance(value, list | tuple):  # an option that may be repeated
        return f" --{_spelled(parameter)} ".join(shlex.quote(str(one)) for one in value)
    return "" if value is True else str(value)


@app.command()
def step(
    context: typer.Context,
    workload: Names = "",
    precision: Precision = "",
    against: Against = "",
    device: Device = "cpu",
    compiled: Annotated[bool, typer.Option("--compile", help="Measure compiled models too.")] = False,
    checkpointed: Annotated[
        bool,
        typer.Option("--activation-checkpointing", help="Measure our model with activation checkpointing too."),
    ] = False,
    repeats: Repeats = 7,
    threads: Threads = 0,
    json: Json = None,
    kept: Keep = False,
    tiny: Tiny = False,
) -> None:
    """Measure training steps at the paper's sizes: samples/s, share of peak FLOP/s, peak memory."""
    from benchmarks.step import measure
    from benchmarks.workloads import WORKLOADS

    names = workloads(workload, WORKLOADS)
    target = ready(device, threads)
    precisions = arithmetics(precision, target)
    results = measure(
        names,
        precisions,
        str(target),
        peer=with_peer(against),
        compiled=compiled,
        checkpointed=checkpointed,
        repeats=repeats,
        tiny=tiny,
    )
    finish(context, results, target, against, json, kept)


@app.command()
def growth(
    context: typer.Context,
    axis: Annotated[
        str, typer.Option(help="inputs, latents, rows, layers, separated by commas; default: all.")
    ] = "",
    precision: OnePrecision = "auto",
    against: Earlier = "",
    plot: Plot = None,
    device: Device = "cpu",
    repeats: Repeats = 5,
    threads: Threads = 0,
    json: Json = None,
    kept: Keep = False,
    tiny: Tiny = False,
) -> None:
    """Measure how time and memory of a step grow with inputs, latents, rows and layers."""
    from benchmarks.growth import AXES, measure

    axes = chosen(axis, tuple(AXES), "--axis") or list(AXES)
    target = ready(device, threads)
    one_precision = choose_precision(precision, target)
    results = measure(axes, one_precision, str(target), repeats=repeats, tiny=tiny)
    finish(context, results, target, against, json, kept)
    if plot is not None:
        from benchmarks.growth_plot import draw

        draw(results.records, f"{one_precision}, {Machine.here(target).words()}, commit {commit()}", plot)


@app.command()
def inference(
    context: typer.Context,
    workload: Names = "",
    against: Against = "",
    device: Device = "cpu",
    repeats: Repeats = 5,
    threads: Threads = 0,
    json: Json = None,
    kept: Keep = False,
    tiny: Tiny = False,
) -> None:
    """Measure encoding at the paper's sizes, as in embed and predict: tokens/s in several precisions."""
    from benchmarks.inference import ROWS, measure

    names = workloads(workload, ROWS)
    target = ready(device, threads)
    finish(
        context,
        measure(names, str(target), peer=with_peer(against), repeats=repeats, tiny=tiny),
        target,
        against,
        json,
        kept,
    )


@app.command()
def loader(
    context: typer.Context,
    workload: Names = "",
    against: Earlier = "",
    repeats: Repeats = 5,
    threads: Threads = 0,
    json: Json = None,
    kept: Keep = False,
    tiny: Tiny = False,
) -> None:
    """Measure the data loader on prepared stores, compared with a training step."""
    from benchmarks.loader import ROWS, measure

    names = workloads(workload, ROWS)
    target = ready("cpu", threads)
    finish(context, measure(names, repeats=repeats, tiny=tiny), target, against, json, kept)


@app.command()
def prepare(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help=".txt, .csv, .tsv or .smi, compressed or not.", exists=True)],
    check: Annotated[str, typer.Option(help="The domain's check, as package.module:function.")] = "",
    numbers: Annotated[bool, typer.Option("--numbers", help="Rows are numbers, not texts.")] = False,
    max_length: Annotated[int, typer.Option(help="Maximum length of texts.", min=1)] = 512,
    against: Earlier = "",
    repeats: Repeats = 3,
    json: Json = None,
    kept: Keep = False,
) -> None:
    """Measure the preparation of a file: rows/s with and without the check, in one or several processes."""
    from benchmarks.prepare import measure

    results = measure(file, check or None, numbers=numbers, longest=max_length, repeats=repeats)
    finish(context, results, ready("cpu"), against, json, kept)


@app.command()
def startup(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="Time the first training step of this domain too.")] = "",
    against: Earlier = "",
    repeats: Repeats = 15,
    json: Json = None,
    kept: Keep = False,
) -> None:
    """Measure the startup time of the program, without plugins and with fifty."""
    from benchmarks.startup import measure

    finish(context, measure(domain, repeats), ready("cpu"), against, json, kept)


@app.command()
def curves(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="An installed domain.")] = "chem",
    recipe: Annotated[str, typer.Option(help="One of its recipes.")] = "tiny",
    steps: Annotated[int, typer.Option(min=1)] = 1500,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    every: Annotated[int, typer.Option(min=1, help="Steps between held-out losses.")] = 150,
    strategy: Annotated[str, typer.Option(help="Masking strategy; default: the recipe's.")] = "",
    plot: Plot = None,
    json: Json = None,
    kept: Keep = False,
) -> None:
    """Compare learning curves in bf16 and fp32."""
    from benchmarks.curves import draw, measure

    target = ready("cpu")
    results = measure(domain, recipe, steps, seeds, every, strategy)
    finish(context, results, target, "", json, kept)
    if plot is not None:
        title = ", ".join(filter(None, (domain, recipe, strategy)))
        draw(results.records, f"{title}, {Machine.here(target).words()}, commit {commit()}", plot)


@app.command()
def learn(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="An installed domain.")] = "chem",
    recipe: Annotated[str, typer.Option(help="One of its recipes.")] = "tiny",
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="Another arm, 'name: setting=value setting=value'; repeatable. The recipe is the first."
        ),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Rows to train on; default: the recipe's.")] = None,
    steps: Annotated[int, typer.Option(min=1)] = 600,
    every: Annotated[int, typer.Option(min=1, help="Steps between held-out losses.")] = 50,
    seeds: Annotated[int, typer.Option(min=1)] = 1,
    goal: Annotated[float | None, typer.Option(help="Loss to reach; default: the domain's.")] = None,
    parallel: Annotated[int, typer.Option(min=1, help="Trainings at once, of one thread each.")] = 1,
    plot: Plot = None,
    json: Json = None,
    kept: Keep = False,
) -> None:
    """Measure learning per CPU hour of a recipe and of other settings: held-out losses under random masks."""
    from benchmarks.learn import draw, measure, parse_arm

    try:
        arms: dict[str, dict[str, str]] = {"recipe": {}} | dict(map(parse_arm, arm or ()))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--arm") from error
    target = ready("cpu", threads=1)
    results = measure(domain, recipe, arms, steps, every, seeds, data, goal, parallel)
    finish(context, results, target, "", json, kept)
    if plot is not None:
        draw(results.records, f"{domain}, {recipe}, {Machine.here(target).words()}, commit {commit()}", plot)


@app.command()
def profile(
    context: typer.Context,
    workload: Names = "",
    precision: OnePrecision = "auto",
    against: Against = "",
    device: Device = "cpu",
    threads: Threads = 0,
    json: Json = None,
    tiny: Tiny = False,
) -> None:
    """Profile a training step by kind of operation."""
    from benchmarks.profile import measure
    from benchmarks.workloads import WORKLOADS

    names = workloads(workload, WORKLOADS)
    target = ready(device, threads)
    results = measure(names, choose_precision(precision, target), str(target), peer=with_peer(against), tiny=tiny)
    finish(context, results, target, "", json, kept=False)
