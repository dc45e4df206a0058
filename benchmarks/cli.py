"""The program: options of each command, and what is done with what it found (printed, written, kept, compared)."""

from __future__ import annotations

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
    help="Timings, side by side; docs/speed.md says what is measured and how.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def program() -> None:
    """Make commands of what follows; memory is kept as the program ``sma`` keeps it."""
    keep_freed_memory()
    commit()  # what is in the working tree now is what runs, whatever is written there meanwhile


PRECISIONS: tuple[Literal["fp32"], Literal["bf16"]] = ("fp32", "bf16")
AGAINST = ("transformers", "previous")
Device = Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")]
Repeats = Annotated[int, typer.Option(min=1, help="Rounds that count.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads of torch; 0: as it is.")]
Precision = Annotated[str, typer.Option(help="fp32, bf16, or both with a comma; empty: those of the device.")]
OnePrecision = Annotated[Literal["auto", "fp32", "bf16"], typer.Option(help="Arithmetic; auto: as a training.")]
Names = Annotated[str, typer.Option("--workload", help="Names with commas; empty: all.")]
Plot = Annotated[Path | None, typer.Option(help="Draw the lines here, .svg or .png.")]
Against = Annotated[
    str, typer.Option(help="transformers (the peer), previous (kept results), or both with a comma.")
]
Earlier = Annotated[str, typer.Option(help="previous: kept results of this machine.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures here.")]
Keep = Annotated[bool, typer.Option("--keep", help="Keep the figures in benchmarks/results/.")]
Tiny = Annotated[bool, typer.Option("--tiny", hidden=True, help="Small sizes, to try the command out.")]
_NOT_SAID = {"json", "kept", "plot"}
"""Options that change nothing about what is measured."""


def chosen(text: str, known: tuple[str, ...], option: str) -> list[str]:
    """Split a list with commas; empty: none. Raises for what is not known."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(known)}", param_hint=option)
    return names


def workloads(text: str, known: Iterable[str]) -> list[str]:
    """Return the named workloads, all when none is named."""
    return chosen(text, tuple(known), "--workload") or list(known)


def with_peer(against: str) -> bool:
    """Whether the peer is to be measured too."""
    return "transformers" in chosen(against, AGAINST, "--against")


def arithmetics(text: str, device: torch.device) -> list[FixedPrecision]:
    """Return the named arithmetics; when none is named, those that the device multiplies itself."""
    named: Any = chosen(text, PRECISIONS, "--precision")
    return named or [each for each in PRECISIONS if is_native(each, device)]


def ready(device: str, threads: int = 0) -> torch.device:
    """Return the device and set the threads; raises where the device is not there."""
    if threads:
        torch.set_num_threads(threads)
    try:
        return choose_device(device)
    except UserError as error:
        raise typer.BadParameter(str(error), param_hint="--device") from error


def finish(
    context: typer.Context, found: Found, device: torch.device, against: str, file: Path | None, kept: bool
) -> None:
    """Print the table under the line that says what ran, compare, write and keep."""
    machine = Machine.here(device)
    report = Report.of(str(context.info_name), said(context), found, machine)
    print(f"{report.line()}\n\n{found.text}")
    if "previous" in chosen(against, AGAINST, "--against"):
        print(f"\n{then_and_now(report, previous(report.command, machine))}")
    if file is not None:
        write(file, [report])
    if kept and "tiny" in report.options:
        raise typer.BadParameter("figures of --tiny are not kept", param_hint="--keep")
    if kept:
        print(f"\nkept in {keep(report)}")


def said(context: typer.Context) -> dict[str, str]:
    """Return the options that were given, but for those about output; an argument has its name in capitals."""
    options: dict[str, str] = {}
    for parameter in context.command.params:
        source = context.get_parameter_source(str(parameter.name))
        if source is not None and source.name == "COMMANDLINE" and parameter.name not in _NOT_SAID:
            options[_spelled(parameter)] = _text(parameter, context.params[str(parameter.name)])
    return options


def _spelled(parameter: Any) -> str:  # noqa: ANN401 - click's, under whatever name typer has it
    name = str(max(parameter.opts, key=len)).lstrip("-")
    return name.upper() if parameter.param_type_name == "argument" else name


def _text(parameter: Any, value: Any) -> str:  # noqa: ANN401 - as above, and whatever an option holds
    if parameter.param_type_name == "argument":  # a file; where it lies on this machine helps nobody
        return Path(value).name
    return "" if value is True else str(value)


@app.command()
def step(
    context: typer.Context,
    workload: Names = "",
    precision: Precision = "",
    against: Against = "",
    device: Device = "cpu",
    compiled: Annotated[bool, typer.Option("--compile", help="Compiled models too.")] = False,
    checkpointed: Annotated[
        bool, typer.Option("--activation-checkpointing", help="Ours with activation checkpointing too.")
    ] = False,
    repeats: Repeats = 7,
    threads: Threads = 0,
    json: Json = None,
    kept: Keep = False,
    tiny: Tiny = False,
) -> None:
    """Training steps at the paper's sizes: samples/s, share of the machine's limit, peak memory."""
    from benchmarks.step import measure
    from benchmarks.workloads import WORKLOADS

    names = workloads(workload, WORKLOADS)
    place = ready(device, threads)
    precisions = arithmetics(precision, place)
    found = measure(
        names,
        precisions,
        str(place),
        peer=with_peer(against),
        compiled=compiled,
        checkpointed=checkpointed,
        repeats=repeats,
        tiny=tiny,
    )
    finish(context, found, place, against, json, kept)


@app.command()
def growth(
    context: typer.Context,
    axis: Annotated[str, typer.Option(help="inputs, latents, rows, layers, with commas; empty: all.")] = "",
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
    """Time and memory of a step against inputs, latents, rows and layers, with exponents."""
    from benchmarks.growth import AXES, measure

    axes = chosen(axis, tuple(AXES), "--axis") or list(AXES)
    place = ready(device, threads)
    chosen_one = choose_precision(precision, place)
    found = measure(axes, chosen_one, str(place), repeats=repeats, tiny=tiny)
    finish(context, found, place, against, json, kept)
    if plot is not None:
        from benchmarks.growth_plot import draw

        draw(found.records, f"{chosen_one}, {Machine.here(place).words()}, commit {commit()}", plot)


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
    """Rows to vectors at the paper's sizes, as embed and predict do it: tokens/s, in several arithmetics."""
    from benchmarks.inference import ROWS, measure

    names = workloads(workload, ROWS)
    place = ready(device, threads)
    finish(
        context,
        measure(names, str(place), peer=with_peer(against), repeats=repeats, tiny=tiny),
        place,
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
    """Batches a second out of prepared stores, beside what a training step eats."""
    from benchmarks.loader import ROWS, measure

    names = workloads(workload, ROWS)
    place = ready("cpu", threads)
    finish(context, measure(names, repeats=repeats, tiny=tiny), place, against, json, kept)


@app.command()
def prepare(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help=".txt, .csv, .tsv or .smi, compressed or not.", exists=True)],
    check: Annotated[str, typer.Option(help="The domain's check, as package.module:function.")] = "",
    numbers: Annotated[bool, typer.Option("--numbers", help="Rows of numbers, not texts.")] = False,
    max_length: Annotated[int, typer.Option(help="Texts are cut here.", min=1)] = 512,
    against: Earlier = "",
    repeats: Repeats = 3,
    json: Json = None,
    kept: Keep = False,
) -> None:
    """A file to a store: rows/s with and without the check, with one process and several."""
    from benchmarks.prepare import measure

    found = measure(file, check or None, numbers=numbers, longest=max_length, repeats=repeats)
    finish(context, found, ready("cpu"), against, json, kept)


@app.command()
def startup(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="A domain whose first training step is timed too.")] = "",
    against: Earlier = "",
    repeats: Repeats = 15,
    json: Json = None,
    kept: Keep = False,
) -> None:
    """How long the program takes to start, with no plugin and with fifty."""
    from benchmarks.startup import measure

    finish(context, measure(domain, repeats), ready("cpu"), against, json, kept)


@app.command()
def curves(
    context: typer.Context,
    domain: Annotated[str, typer.Option(help="A domain that is installed.")] = "chem",
    recipe: Annotated[str, typer.Option(help="One of its recipes.")] = "tiny",
    steps: Annotated[int, typer.Option(min=1)] = 1500,
    seeds: Annotated[int, typer.Option(min=1)] = 3,
    every: Annotated[int, typer.Option(min=1, help="Steps between two held-out losses.")] = 150,
    strategy: Annotated[str, typer.Option(help="How masks are chosen; empty: as the recipe does.")] = "",
    plot: Plot = None,
    json: Json = None,
    kept: Keep = False,
) -> None:
    """The learning curve of bf16 beside that of fp32."""
    from benchmarks.curves import draw, measure

    place = ready("cpu")
    found = measure(domain, recipe, steps, seeds, every, strategy)
    finish(context, found, place, "", json, kept)
    if plot is not None:
        title = ", ".join(filter(None, (domain, recipe, strategy)))
        draw(found.records, f"{title}, {Machine.here(place).words()}, commit {commit()}", plot)


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
    """Where the time of a training step goes, by kind of operation."""
    from benchmarks.profile import measure
    from benchmarks.workloads import WORKLOADS

    names = workloads(workload, WORKLOADS)
    place = ready(device, threads)
    found = measure(names, choose_precision(precision, place), str(place), peer=with_peer(against), tiny=tiny)
    finish(context, found, place, "", json, kept=False)
