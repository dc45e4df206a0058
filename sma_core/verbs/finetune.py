"""`finetune`: learn labels, from a pre-trained run or from random weights."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from sma_core.config import FinetuneConfig
from sma_core.config.layers import dump, flatten
from sma_core.data.unusual_rows.row_warnings import single_positions
from sma_core.data.unusual_rows.truncation import truncation_warnings
from sma_core.devices.device import autocast
from sma_core.evaluation.metric_set import beyond_range
from sma_core.feeds.feed import Feed, feed_of
from sma_core.labels.baselines import run_baselines
from sma_core.labels.labelled_rows import censored_note, check_same_rows, read_labelled, split_record
from sma_core.labels.learnable import undefined_selection
from sma_core.labels.task_request import TaskRequest
from sma_core.models.build import build_predictor, choose_head, load_weights
from sma_core.models.pretrained import open_pretrained
from sma_core.nn.adapters import merged_parameter_count
from sma_core.nn.parameters import parameter_count
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.events import ResultsWritten
from sma_core.plugins.registry import Registry
from sma_core.runs.methods import check_members
from sma_core.runs.provenance import explain_missing_parts, origin_of
from sma_core.runs.record import RunRecord
from sma_core.runs.results import AUTHORS_PROTOCOL, BaselineResult, FinetuneResult, Plan
from sma_core.runs.resuming import find_run, reopen
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.session import Session, open_session
from sma_core.runs.settings import Request, finetune_settings, requested_settings
from sma_core.sources.data_sets import nothing_kept
from sma_core.sources.source_set import with_pair
from sma_core.training.finetuning.constant_predictions import constant_predictions
from sma_core.training.finetuning.labelled_predictions import LabelledPredictions, figures_by_target
from sma_core.training.finetuning.objective import FinetuneObjective
from sma_core.training.finetuning.targets import Targets
from sma_core.training.finetuning.trained_parts import trained_parts
from sma_core.training.finetuning.training_notes import training_notes
from sma_core.training.finetuning.weightless_classes import weightless_classes
from sma_core.training.loop import Trainer
from sma_core.training.nonfinite import nothing_learned
from sma_core.training.reporting.observers import Observer
from sma_core.training.stream import count_steps
from sma_core.verbs.finetuning_job import VERB, Job, build_objective, build_trainer, fit_targets, freeze
from sma_core.writers.model_card import CardFacts, model_card

LONGER = "; start from a model with a larger model.max_length, or leave such rows out with data.truncate=false"
"""Advice when many rows are truncated."""


def plan_finetuning(
    domain: str | None = None,
    *,
    model: str | Path | None = None,
    task: str | None = None,
    data: str | Path | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    policy: PluginPolicy | None = None,
) -> Plan:
    """Read and split the rows as `finetune` would, and tell what it would train; nothing is written.

    Arguments and errors are those of `finetune`.
    """
    start = as_path(model)
    request = Request.of(recipe, config, settings, data=data, task=task, pretrained=start)
    domain, policy = named(domain, policy)
    with nothing_kept(), open_session(request, (), policy) as session:
        job = _begin(domain, start, session)
    targets, rows, training = fit_targets(job.rows, job.config), job.rows, job.config.training
    with torch.device("meta"):
        module = build_predictor(job.registry, job.config, job.feed.inputs, job.head, targets)
    freeze(module, training)
    sizes = rows.sizes()
    parts = ", ".join(f"{count:,} {part}" for part, count in sizes.items())
    notes = [f"{rows.label} ({rows.kind}): {parts} ({rows.rejected:,} set aside)", *filter(None, [rows.guess])]
    notes += [
        f"split: {rows.split}",
        f"head: {job.head}",
        *training_notes(targets, job.config),
        *censored_note(rows),
        *trained_parts(module, training),
        *(f"warning: {line}" for line in rows.warnings),
    ]
    steps = count_steps(training, math.ceil(sizes["train"] / training.batch_size))
    return Plan(dict(flatten(dump(job.config))), parameter_count(module), f"{steps:,}", sizes, tuple(notes))


def finetune(
    domain: str | None = None,
    *,
    model: str | Path | None = None,
    task: str | None = None,
    data: str | Path | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    observers: Sequence[Observer] = (),
    policy: PluginPolicy | None = None,
) -> FinetuneResult:
    """Train on the labels of a task, select the checkpoint on validation, and score the test part once.

    With ``split.protocol`` ``authors`` validation rows join training and the last checkpoint is scored.

    Args:
        domain: Name of a domain, or a Python file; may be omitted with ``model`` or the path of a run to resume.
        model: A pre-trained run to start from, or the name of a shipped model (``chem:tiny``); None starts from
            random weights.
        task: Name of a task; None is the domain's default.
        data: Your own labelled file; ``settings["targets"]`` then names its label columns.
        recipe: Name of a recipe; None is the pre-trained run's settings, or ``tiny`` without one.
        config: TOML file of settings that override the recipe.
        settings: Settings by dotted name that override all others.
        out: Folder of the run; None creates one under ``runs/``.
        resume: A run to resume; ``auto`` is the newest unfinished run, or a new one.
        observers: Called with each event of `sma_core.plugins.events`, like observers of plugins.
        policy: Which plugins may be used; None reads the environment.

    Raises:
        UserError: For anything the user can correct; no half-written file remains.
        StoppedOnRequest: After Ctrl-C or SIGTERM, once the state is saved.
    """
    began = time.monotonic()
    start, folder = as_path(model), as_path(out)
    request = Request.of(recipe, config, settings, data=data, task=task, pretrained=start)
    domain, policy = named(domain, policy)

    def find() -> RunFolder | None:
        return find_run(resume, VERB, domain, folder, requested_settings(request, FinetuneConfig))

    with open_session(request, observers, policy) as session:
        with session.preparing(find) as resumed:
            job = _begin(domain, start, session) if resumed is None else _resume(resumed, session)
            run = resumed or _new_run(job, session, folder)
        objective = build_objective(job, run, session.policy)
        trainer = build_trainer(job, run, objective, session.observers_of(run, job.config.training))
        trainer.run(job.config.training.deadline(began))
        result = _finish(run, job, objective, _judge(job, run, trainer, objective, time.monotonic() - began))
        session.observers(ResultsWritten(run.path, result.step))
        return result


def _finish(run: RunFolder, job: Job, objective: FinetuneObjective, result: FinetuneResult) -> FinetuneResult:
    """Write results and model card, and mark the run as finished."""
    run.write_results(asdict(result))
    run.write_card(_card(job, objective, result))
    run.write_record(_record(job, objective.targets, finished=True))
    return result


def _card(job: Job, objective: FinetuneObjective, result: FinetuneResult) -> str:
    """Write the model card."""
    size = merged_parameter_count(objective.module)
    about = CardFacts(job.registry, job.config, job.rows, objective.targets, job.head, size)
    return model_card(about, result)


def _begin(domain: str | None, model: Path | None, session: Session) -> Job:
    """Resolve a new fine-tuning and prepare its rows."""
    start = open_pretrained(domain, model, "fine-tuning starts from", session.policy)
    with explain_missing_parts(model, start.record, session.policy):
        registry = Registry.load(start.domain, session.policy)
        session.observe(registry)
        config = finetune_settings(registry, session.request, start.settings).config
        feed = start.feed(registry, config.data)
    return _prepared(registry, config, feed, session)


def _resume(run: RunFolder, session: Session) -> Job:
    """Resolve a resumed fine-tuning with its own settings, and prepare its rows."""
    registry, config = reopen(run, session.request_for(run), FinetuneConfig, session.policy)
    session.observe(registry)
    record = run.record()
    with explain_missing_parts(run.path, record, session.policy):
        check_members(registry, config)
        targets = record.targets
        job = _prepared(registry, config, feed_of(registry, config.data, record), session, targets)
    check_same_rows(run, job.rows)
    run.write_config(config, job.placement.precision)
    return job


def _prepared(
    registry: Registry, config: FinetuneConfig, feed: Feed, session: Session, recorded: Targets | None = None
) -> Job:
    """Prepare the rows; an unsuitable head is refused before reading them when the kind of labels is known."""
    kind = TaskRequest.of(registry, config).kind
    if kind is not None:
        choose_head(registry, config.head, kind)
    placement = session.placement(config.training)
    rows = read_labelled(registry, config, feed, session.observers.rows_read, recorded)
    return Job(
        registry, with_pair(config, rows.source), rows, choose_head(registry, config.head, rows.kind), placement
    )


def _judge(
    job: Job, run: RunFolder, trainer: Trainer, objective: FinetuneObjective, seconds: float
) -> FinetuneResult:
    """Score the selected checkpoint on the validation and test parts; only here the test part is used."""
    best = load_weights(objective.module, run)
    objective.module.eval()
    batch_size, summary = job.config.training.batch_size, job.rows.prepared.summary
    with torch.no_grad(), autocast(job.placement.device, job.placement.precision):
        valid = objective.evaluate(job.placement.ranks)
        test = (
            objective.predict_labelled(job.rows.batches("test", batch_size), job.placement.ranks)
            if job.config.score_test and len(job.rows.parts["test"])
            else None
        )
    undefined = bool(valid) and math.isnan(valid[objective.selection])
    return FinetuneResult(
        run=run.path,
        domain=job.registry.reference,
        task=job.rows.label,
        kind=job.rows.kind,
        kind_guessed=bool(job.rows.guess),
        kind_guess=job.rows.guess,
        positive=job.rows.values[1] if job.rows.values else None,
        weight=job.config.weight,
        metric=objective.selection,
        best_step=best.step,
        step=trainer.state.step,
        stopped_early=trainer.stopped_early,
        rows=job.rows.sizes(),
        split=job.rows.split,
        rejected=job.rows.rejected,
        seconds=seconds,
        valid=valid,
        test=test.figures() if test else {},
        test_targets=figures_by_target(test) if test else {},
        selection=_selection(objective.selection, valid, undefined),
        baselines=_baselines(job),
        truncated=summary.shortened,
        notes=[
            *training_notes(objective.targets, job.config),
            *censored_note(job.rows),
            *trained_parts(objective.module, job.config.training, best.model_size),
        ],
        epoch_steps=trainer.config.evaluate_every,
        warnings=[
            *_warnings_of_rows(job),
            *nothing_learned(trainer.state.skipped, trainer.state.step),
            *([undefined_selection(objective.selection, job.rows.sizes()["valid"])] if undefined else []),
            *(_warnings_of_test(job, objective, test) if test else []),
        ],
    )


def _warnings_of_rows(job: Job) -> list[str]:
    """Return sentences on rows that are truncated, unusual or lack values."""
    summary, config = job.rows.prepared.summary, job.config
    return [
        *truncation_warnings(summary.shortened, summary.kept, config.model.max_length, LONGER),
        *single_positions(job.rows.store),
        # rows.warnings has the missing values of these rows, if the feed is that of a pre-trained run
        *job.feed.warnings(config.data, config.model, missing=config.pretrained is None),
        *job.rows.warnings,
    ]


def _warnings_of_test(job: Job, objective: FinetuneObjective, test: LabelledPredictions) -> list[str]:
    """Return sentences on test predictions that are nearly constant, and on metrics of little meaning."""
    probe = objective.module.probe
    return [
        *constant_predictions(test, job.config, probe is not None and bool(probe.active)),
        *beyond_range(test.figures()),
        *weightless_classes(test, "the test rows"),
    ]


def _selection(metric: str, valid: Mapping[str, float], undefined: bool) -> str:
    """Tell how the checkpoint was chosen."""
    if not valid:
        return AUTHORS_PROTOCOL
    return f"last step, since {metric} is undefined on validation" if undefined else f"best validation {metric}"


def _baselines(job: Job) -> list[BaselineResult]:
    """Score the domain's baselines on rank 0, which writes and prints the results."""
    scored = job.config.baselines and job.config.score_test and len(job.rows.parts["test"])
    if not scored or not job.placement.ranks.first:
        return []
    return run_baselines(job.registry, job.rows, job.config.split.seed)


def _new_run(job: Job, session: Session, folder: Path | None) -> RunFolder:
    """Create the folder of a new run and write its files, ``model.json`` last."""
    record = _record(job, fit_targets(job.rows, job.config), finished=False)
    run = session.create(folder, f"{job.registry.name}-{job.rows.name}")
    run.write_config(job.config, job.placement.precision)
    run.write_environment(job.registry.packages)
    run.copy_rejected(*job.rows.prepared.rejected_rows)
    run.write_split(*job.rows.part_of_rows())
    run.write_record(record)
    return run


def _record(job: Job, targets: Targets, finished: bool) -> RunRecord:
    return RunRecord(
        verb=VERB,
        finished=finished,
        task=job.rows.label,
        targets=targets,
        head=job.head,
        pretrained=job.config.pretrained,
        split=split_record(job.rows, job.config.split.seed),
        **origin_of(job.registry),
        **job.feed.record(),
    )
