"""``sma train``: pre-train on unlabelled rows."""

from __future__ import annotations

import shlex

import typer

from sma_core.cli.options import (
    Assignments,
    ConfigFile,
    Data,
    Debug,
    Domain,
    DryRun,
    Json,
    MaxRejected,
    Out,
    Recipe,
    Resume,
    Seed,
    settings_from,
)


def train(
    context: typer.Context,
    domain: Domain = None,
    data: Data = None,
    recipe: Recipe = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    out: Out = None,
    seed: Seed = None,
    resume: Resume = None,
    max_rejected: MaxRejected = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Pre-train on unlabelled rows by hiding some and guessing them."""
    from sma_core.cli.output import print_dry_run, print_result, progress
    from sma_core.verbs.train import plan_training, train

    settings = settings_from(assignments, data, seed, max_rejected)
    if dry_run:
        print_dry_run(plan_training(domain, recipe, config, settings, policy=context.obj), as_json)
        return
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
    print_result(result, as_json, f"next: sma finetune --domain {shlex.quote(result.domain)} --model {result.run}")
