"""``sma train``: pre-train on unlabelled rows."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import typer

from sma_core.cli.options import (
    Assignments,
    Column,
    ConfigFile,
    Data,
    Debug,
    Delimiter,
    Devices,
    Domain,
    DryRun,
    Exclude,
    Fresh,
    Json,
    MaxRejected,
    Out,
    Recipe,
    Resume,
    Seed,
    TimeLimit,
    WindowOverlap,
    names_from,
    settings_from,
)

if TYPE_CHECKING:
    from sma_core.runs.results import TrainResult

_NEXT = "next: sma finetune --domain {} --model {}"
_OWN = "next: sma finetune --domain {} --model {} --data FILE --target COLUMN"
"""The command after a run on a file of the user: the labels of a named set are those of its task."""


def train(
    context: typer.Context,
    domain: Domain = None,
    data: Data = None,
    recipe: Recipe = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    out: Out = None,
    column: Column = None,
    exclude: Exclude = None,
    delimiter: Delimiter = None,
    seed: Seed = None,
    resume: Resume = None,
    max_rejected: MaxRejected = None,
    window_overlap: WindowOverlap = None,
    fresh: Fresh = False,
    devices: Devices = None,
    time_limit: TimeLimit = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Pre-train by hiding parts of each row and reconstructing them."""
    from sma_core.cli.output import print_dry_run, print_result, progress
    from sma_core.cli.program.ranks import run_in_ranks
    from sma_core.verbs.train import plan_training, train

    options = {
        "training.time_limit": time_limit,
        "data.column": column,
        "data.exclude": names_from(exclude),
        "data.delimiter": delimiter,
        "data.window_overlap": window_overlap,
        "data.fresh": fresh or None,
    }
    settings = settings_from(assignments, data, seed, max_rejected, **options)
    if dry_run:
        print_dry_run(plan_training(domain, recipe, config, settings, policy=context.obj), as_json)
        return
    run_in_ranks(devices)
    result = train(
        domain,
        recipe=recipe,
        config=config,
        settings=settings,
        out=out,
        resume=resume,
        observers=[progress()],
        policy=context.obj,
    )
    domain, run = shlex.quote(result.domain), shlex.quote(str(result.run))
    print_result(result, as_json, result_lines(result), (_OWN if result.own_file else _NEXT).format(domain, run))


def result_lines(result: TrainResult) -> list[str]:
    """Return a summary of a finished pre-training."""
    from sma_core.cli.output import counted, metric_text, warning_lines

    truncated = f", {result.truncated:,} truncated" if result.truncated else ""
    if result.windowed:
        truncated = f", {result.windowed:,} read in {counted(result.windows, 'window')}"
    own, random = (
        f"{metric_text(first)} -> {metric_text(last)}"
        for first, last in (
            (result.held_out_first, result.held_out_last),
            (result.held_out_random_first, result.held_out_random_last),
        )
    )
    simple = result.frequency_loss
    frequencies = "" if simple is None else f" (frequencies of symbols alone: {metric_text(simple)})"
    return [
        f"pre-trained {counted(result.step, 'step')} in {result.seconds / 60:.1f} min on "
        f"{counted(result.rows - result.held_out_rows, 'row')}, {result.held_out_rows:,} more held out "
        f"({result.rejected:,} set aside{truncated})",
        f"held-out loss {own} under its own masks, {random} under random ones{frequencies}",
        *warning_lines(result.warnings),
        f"run folder {result.run}",
    ]
