"""``sma finetune``: learn labels, from a pre-trained run or from random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import (
    Assignments,
    Column,
    ConfigFile,
    Data,
    Debug,
    Domain,
    Json,
    Kind,
    MaxRejected,
    Out,
    Recipe,
    Resume,
    Seed,
    SplitColumn,
    Task,
    names_from,
    settings_from,
)


def finetune(
    context: typer.Context,
    domain: Domain = None,
    model: Annotated[
        Path | None, typer.Option("--model", help="A pre-trained run; empty: random weights.")
    ] = None,
    task: Task = None,
    data: Data = None,
    column: Column = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Label columns of your own file, with commas.")
    ] = None,
    kind: Annotated[Kind | None, typer.Option("--kind", help="What the labels are; empty: guessed.")] = None,
    head: Annotated[str | None, typer.Option("--head", help="Head by name: decoder, mean, position, …")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Splitter by name; empty: the task's.")] = None,
    split_column: SplitColumn = None,
    split_seed: Annotated[int | None, typer.Option("--split-seed", help="Seed of the split.")] = None,
    recipe: Recipe = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    out: Out = None,
    seed: Seed = None,
    resume: Resume = None,
    max_rejected: MaxRejected = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Learn a task's labels, select on validation, report the test split once."""
    from sma_core.cli.output import print_result, progress
    from sma_core.verbs.finetune import finetune

    own: dict[str, object] = {"data.column": column, "targets": names_from(target), "kind": kind, "head": head}
    own |= {"split.name": split, "split.column": split_column, "split.seed": split_seed}
    display = progress()
    result = finetune(
        domain,
        model=model,
        task=task,
        recipe=recipe,
        config=config,
        settings=settings_from(assignments, data, seed, max_rejected, **own),
        out=out,
        resume=resume,
        observers=[display],
        preparing=display.preparing,
        policy=context.obj,
    )
    print_result(result, as_json, f"next: sma predict --model {result.run} FILE")
