"""``sma finetune``: train on labels, from a pre-trained run or from random weights."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from sma_core.cli.label_options import (
    CensoredLabels,
    ClassWeights,
    Fold,
    Folds,
    Frozen,
    Group,
    Head,
    LabelKind,
    LayerDecay,
    LoraRank,
    Loss,
    Metric,
    NoBaselines,
    Patience,
    PositionMask,
    Positive,
    Pretrained,
    Split,
    SplitSeed,
    Target,
    TargetAllOthers,
    UnfreezeLayers,
    Weight,
)
from sma_core.cli.options import (
    Assignments,
    Column,
    Columns,
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
    SplitColumn,
    Task,
    TimeLimit,
    names_from,
    settings_from,
)
from sma_core.cli.program.option_names import SETTINGS, in_options
from sma_core.cli.program.ranks import run_in_ranks
from sma_core.plugins.domain_file import domain_option

if TYPE_CHECKING:
    from sma_core.runs.results import BaselineResult, FinetuneResult

NO_TEST = "no test: the validation metrics selected the checkpoint, so they are too good"
_NEXT = "with intervals: sma evaluate --model {run}{domain}{part}\nnext: sma predict --model {run}{domain} FILE"


def finetune(
    context: typer.Context,
    domain: Domain = None,
    model: Pretrained = None,
    task: Task = None,
    data: Data = None,
    column: Column = None,
    columns: Columns = None,
    target: Target = None,
    target_all_others: TargetAllOthers = False,
    exclude: Exclude = None,
    delimiter: Delimiter = None,
    kind: LabelKind = None,
    censored_labels: CensoredLabels = None,
    positive: Positive = None,
    weight: Weight = None,
    metric: Metric = None,
    position_mask: PositionMask = None,
    head: Head = None,
    loss: Loss = None,
    class_weights: ClassWeights = None,
    split: Split = None,
    split_column: SplitColumn = None,
    split_seed: SplitSeed = None,
    group: Group = None,
    folds: Folds = None,
    fold: Fold = None,
    frozen: Frozen = None,
    lora_rank: LoraRank = None,
    unfreeze_layers: UnfreezeLayers = None,
    layer_decay: LayerDecay = None,
    patience: Patience = None,
    no_baselines: NoBaselines = False,
    recipe: Recipe = None,
    config: ConfigFile = None,
    assignments: Assignments = None,
    out: Out = None,
    seed: Seed = None,
    resume: Resume = None,
    max_rejected: MaxRejected = None,
    fresh: Fresh = False,
    devices: Devices = None,
    dry_run: DryRun = False,
    time_limit: TimeLimit = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Train on a task's labels, select the checkpoint on validation rows, and report test metrics once."""
    from sma_core.cli.output import print_dry_run, print_result, progress
    from sma_core.verbs.finetune import finetune, plan_finetuning

    if not dry_run:
        run_in_ranks(devices)
    wishes = request_from(context.params)
    if dry_run:
        print_dry_run(plan_finetuning(domain, **wishes, policy=context.obj), as_json)
        return
    result = finetune(
        domain,
        **wishes,
        out=out,
        resume=resume,
        observers=[
            progress(after="scoring the test rows" + ("" if no_baselines else " and the domain's baselines"))
        ],
        policy=context.obj,
    )
    next_command = _NEXT.format(
        run=shlex.quote(str(result.run)),
        domain=domain_option(result.domain),
        part="" if result.test else " --part valid",
    )
    print_result(result, as_json, result_lines(result), next_command)


def request_from(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of `sma_core.finetune` from the options of ``sma finetune``, by the names of parameters.

    They are ``model``, ``task``, ``recipe``, ``config`` and ``settings``. Public API for authors of commands.
    """
    settings = {setting: options.get(name) for name, setting in SETTINGS.items()} | {
        "targets": "*" if options.get("target_all_others") else names_from(options.get("target")),
        "data.columns": names_from(options.get("columns")),
        "data.exclude": names_from(options.get("exclude")),
        "data.delimiter": options.get("delimiter"),
        "data.fresh": options.get("fresh") or None,
        "baselines": False if options.get("no_baselines") else None,
    }
    request = {name: options.get(name) for name in ("model", "task", "recipe", "config")}
    return request | {"settings": settings_from(options.get("assignments"), seed=options.get("seed"), **settings)}


def result_lines(result: FinetuneResult) -> list[str]:
    """Return a summary of a finished fine-tuning."""
    from sma_core.cli.output import metric_text, warning_lines

    sizes = ", ".join(f"{count:,} {part}" for part, count in result.rows.items())
    metrics = ", ".join(f"{name} {metric_text(value)}" for name, value in result.test.items())
    probe = ", a linear probe of the encoder: no epoch was better" if result.best_step == 0 else ""
    selected = (
        f"validation {result.metric} {metric_text(result.valid[result.metric])} at step {result.best_step:,}"
        + probe
        if result.valid and not math.isnan(result.valid[result.metric])
        else f"step {result.best_step:,}: {result.selection}"
    )
    kind = result.kind + (f", positive class {result.positive!r}" if result.positive else "")
    guessed = [in_options(result.kind_guess)] if result.kind_guess else []
    early = [
        f"stopped early at {result.at(result.step)}: validation {result.metric} got no better; kept is "
        f"{result.at(result.best_step)}"
    ]
    truncated = f", {result.truncated:,} truncated" if result.truncated else ""
    weighted = [f"loss and metrics are weighted by {result.weight!r}"] if result.weight else []
    return [
        f"fine-tuned on {result.task} ({kind}): {sizes} ({result.rejected:,} set aside{truncated}), "
        f"{result.seconds / 60:.1f} min",
        *guessed,
        *weighted,
        *result.notes,
        f"split: {result.split}",
        *(early if result.stopped_early else []),
        selected,
        f"test {metrics}" if metrics else NO_TEST,
        *warning_lines(result.warnings),
        *_baseline_lines(result),
        f"run folder {result.run}",
    ]


def _baseline_lines(result: FinetuneResult) -> list[str]:
    """Return a line per baseline with its value of the selection metric, then those left out, by reason."""
    from sma_core.cli.output import metric_text
    from sma_core.runs.results import reasons_left_out

    scored = [item for item in result.baselines if not math.isnan(item.test.get(result.metric, math.nan))]
    width = max((len(item.name) for item in scored), default=0)
    lines = [
        f"baseline {item.name:<{width}}  {result.metric} {metric_text(item.test[result.metric])} "
        f"({', '.join([f'{item.seconds:.1f} s', *_fewer_rows(item, result)])})"
        for item in scored
    ]
    return lines + [f"not run: {names}: {reason}" for reason, names in reasons_left_out(result.baselines).items()]


def _fewer_rows(baseline: BaselineResult, result: FinetuneResult) -> list[str]:
    """Return a note for each part of which the baseline used fewer rows than the fine-tuning."""
    from sma_core.cli.output import counted

    verbs = {"train": "trained", "valid": "tuned", "test": "tested"}
    return [
        f"{verbs[part]} on {used:,} of {counted(result.rows[part], 'row')}"
        for part, used in baseline.rows.items()
        if used < result.rows[part]
    ]
