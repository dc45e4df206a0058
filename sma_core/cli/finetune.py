"""``sma finetune``: learn labels, from a pre-trained run or from random weights."""

from __future__ import annotations

import typer

from sma_core.cli.label_options import (
    ClassWeights,
    Fold,
    Folds,
    Frozen,
    Head,
    LabelKind,
    LayerDecay,
    Patience,
    Pretrained,
    Split,
    SplitSeed,
    Target,
)
from sma_core.cli.options import (
    Assignments,
    Column,
    ConfigFile,
    Data,
    Debug,
    Devices,
    Domain,
    Json,
    MaxRejected,
    Out,
    Recipe,
    Resume,
    Seed,
    SplitColumn,
    Task,
    TimeLimit,
    names_from,
    settings_from,
)
from sma_core.cli.ranks import run_in_ranks
from sma_core.plugins.domain_file import domain_option

_SETTINGS = {
    "column": "data.column",
    "kind": "kind",
    "head": "head",
    "class_weights": "class_weights",
    "split": "split.name",
    "split_column": "split.column",
    "split_seed": "split.seed",
    "folds": "split.folds",
    "fold": "split.fold",
    "frozen": "training.frozen_encoder",
    "layer_decay": "training.layer_decay",
    "patience": "training.patience",
    "time_limit": "training.time_limit",
}
"""Options that stand for a setting, by the name of their parameter."""
_NEXT = "with intervals: sma evaluate --model {run}{domain}\nnext: sma predict --model {run}{domain} FILE"


def finetune(
    context: typer.Context,
    domain: Domain = None,
    model: Pretrained = None,
    task: Task = None,
    data: Data = None,
    column: Column = None,
    target: Target = None,
    kind: LabelKind = None,
    head: Head = None,
    class_weights: ClassWeights = None,
    split: Split = None,
    split_column: SplitColumn = None,
    split_seed: SplitSeed = None,
    folds: Folds = None,
    fold: Fold = None,
    frozen: Frozen = None,
    layer_decay: LayerDecay = None,
    patience: Patience = None,
    recipe: Recipe = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    out: Out = None,
    seed: Seed = None,
    resume: Resume = None,
    max_rejected: MaxRejected = None,
    devices: Devices = None,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Learn a task's labels, select on validation, report the test split once."""
    from sma_core.cli.output import print_result, progress
    from sma_core.verbs.finetune import finetune

    run_in_ranks(devices)
    own = {setting: context.params[name] for name, setting in _SETTINGS.items()} | {"targets": names_from(target)}
    result = finetune(
        domain,
        model=model,
        task=task,
        recipe=recipe,
        config=config,
        settings=settings_from(assignments, data, seed, max_rejected, **own),
        out=out,
        resume=resume,
        observers=[progress()],
        policy=context.obj,
    )
    print_result(result, as_json, _NEXT.format(run=result.run, domain=domain_option(result.domain)))
