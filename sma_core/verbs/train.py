"""`train`: pre-train on unlabelled rows."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from sma_core.config import PretrainConfig, TrainingConfig
from sma_core.config.layers import dump, flatten
from sma_core.data.batching.held_out import split_held_out
from sma_core.data.batching.mixing import Mixture
from sma_core.data.preparation.prepared_set import PreparedSet
from sma_core.data.store.store import Store
from sma_core.data.unusual_rows.row_warnings import few_held_out, single_positions
from sma_core.data.unusual_rows.truncation import truncation_warnings
from sma_core.devices.device import seeded
from sma_core.devices.placement import Placement
from sma_core.errors import DataError, UserError
from sma_core.evaluation.splits import Indices
from sma_core.feeds.feed import Feed, feed_of, new_feed
from sma_core.labels.pretraining_rows import Rows, write_row_hashes
from sma_core.models.build import build_network
from sma_core.nn.guidance.collapse import collapse_sentence
from sma_core.nn.guidance.constant_latents import constant_sentence
from sma_core.nn.guidance.counts import query_count
from sma_core.nn.inputs import ContinuousInputs
from sma_core.nn.model import SMA
from sma_core.nn.parameters import parameter_count
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.events import ResultsWritten, RunOrigin
from sma_core.plugins.registry import Registry
from sma_core.runs.methods import (
    check_members,
    masking_strategy,
    optimizer_factory,
    reconstruction_loss,
    schedule_function,
)
from sma_core.runs.provenance import explain_missing_parts, origin_of
from sma_core.runs.record import DataRecord, RunRecord
from sma_core.runs.results import Plan, TrainResult
from sma_core.runs.resuming import find_run, reopen, restore_newest
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.session import Session, open_session
from sma_core.runs.settings import Request, pretrain_settings, requested_settings
from sma_core.sources.data_sets import nothing_kept
from sma_core.sources.reading import check_header
from sma_core.sources.source_set import SourceSet, find_mixture, with_pair
from sma_core.training.average import WeightAverage
from sma_core.training.little_learned import frequency_loss, little_learned
from sma_core.training.loop import Trainer
from sma_core.training.method import Method
from sma_core.training.nonfinite import nothing_learned
from sma_core.training.pretraining import PretrainObjective, sample_rows
from sma_core.training.reporting.metrics_file import read_metrics
from sma_core.training.reporting.observers import Observer, Observers
from sma_core.training.rising_loss import rising_loss
from sma_core.training.state import TrainingState
from sma_core.training.stream import count_steps
from sma_core.writers.pretraining_card import PretrainingFacts, pretraining_card

logger = logging.getLogger("sma")

VERB = "train"
ROWS_COUNTED = 4096
"""Training rows of which the frequencies of symbols are counted."""
LONGER = (
    "; set a larger model.max_length, read such rows whole with `window_overlap=N`, or leave them out with "
    "data.truncate=false"
)
"""Advice when many rows are truncated."""


@dataclass(frozen=True)
class _Job:
    """A pre-training with everything resolved: plugins, settings, prepared rows, and where to compute."""

    registry: Registry
    config: PretrainConfig
    source: SourceSet
    feed: Feed
    prepared: PreparedSet
    placement: Placement

    def opened(self) -> tuple[Store, Indices, Indices]:
        """Open the store; return it, the rows to train on, and the held-out rows."""
        store = self.prepared.open()
        return store, *split_held_out(store.row_numbers, self.config.data.held_out, self.source.where)

    def drawn(self, train: Indices) -> Indices | Mixture:
        """Return the training rows, or how they are drawn where data sets are mixed."""
        if self.config.data.weights is None:
            return train
        bounds = self.prepared.bounds(self.source.mixed)
        groups = np.split(train, np.searchsorted(train, bounds))
        for number, group in enumerate(groups, start=1):
            if not len(group):
                raise DataError(f"set {number} of {self.source.label} has no row to train on: leave it out")
        return Mixture(groups, self.config.data.weights, self.config.training.seed)

    def record(self, finished: bool) -> RunRecord:
        """Return the contents of ``model.json``."""
        data = DataRecord(
            source=self.source.label,
            rows=self.prepared.summary.kept,
            weights=self.config.data.weights,
            windowed=self.prepared.summary.windowed or None,
            windows=self.prepared.summary.windows or None,
        )
        return RunRecord(verb=VERB, finished=finished, data=data, **origin_of(self.registry), **self.feed.record())


def plan_training(
    domain: str | None,
    recipe: str | None = None,
    config: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    policy: PluginPolicy | None = None,
) -> Plan:
    """Resolve everything `train` would use, and read the first row of every file; nothing is written."""
    domain, policy = named(domain, policy)
    registry = Registry.load(_needed(domain), policy)
    resolved = pretrain_settings(registry, Request.of(recipe, config, settings)).config
    with nothing_kept():
        sources = find_mixture(registry, resolved.data).sources
        channels = [check_header(registry, source, resolved.data) for source in sources]
    inputs = new_feed(registry, resolved.data).inputs
    if channels[0] is not None:
        inputs = ContinuousInputs(channels[0])
    with torch.device("meta"):
        parameters = parameter_count(build_network(registry, resolved.model, inputs))
    notes: list[str] = []
    if isinstance(inputs, ContinuousInputs) and resolved.model.missing_values == "learned":
        more = inputs.channels * resolved.model.embedding_width
        notes.append(f"{more:,} more parameters if training rows have missing values (model.missing_values)")
    steps = _steps_in_words(resolved.training)
    return Plan(dict(flatten(dump(resolved))), parameters, steps, notes=tuple(notes))


def train(
    domain: str | None = None,
    *,
    data: str | Path | None = None,
    recipe: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    resume: str | Path | None = None,
    observers: Sequence[Observer] = (),
    policy: PluginPolicy | None = None,
) -> TrainResult:
    """Pre-train on unlabelled rows; return the run folder and the losses reached.

    Args:
        domain: The plugin that knows the data, or a Python file that does; may be omitted when ``resume`` names a
            run.
        data: A set's name, a file, or several: a folder, a pattern, or names separated by commas; empty: the
            domain's own set.
        recipe: Shipped settings to start from (``tiny`` when empty).
        config: A TOML file of settings that override the recipe.
        settings: Single settings by dotted name that override all others: ``{"training.steps": 100}``.
        out: Folder of the run; empty: a new one under ``runs/``.
        resume: A run to resume, or ``auto``.
        observers: Called with every event of `sma_core.plugins.events`, as plugins' observers are.
        policy: Which plugins may be used; empty: as the environment says.

    Raises:
        UserError: For anything the user can correct; nothing half-written is left.
        StoppedOnRequest: After Ctrl-C or SIGTERM, once the state is saved.
    """
    began = time.monotonic()
    request = Request.of(recipe, config, settings, data=data)
    folder = as_path(out)
    domain, policy = named(domain, policy)

    def find() -> RunFolder | None:
        return find_run(resume, VERB, domain, folder, requested_settings(request, PretrainConfig))

    with open_session(request, observers, policy) as session:
        with session.preparing(find) as resumed:
            job = _begin(domain, session) if resumed is None else _resume(resumed, session)
            run = resumed or session.create(folder, f"{job.registry.name}-{job.config.recipe}")
            if resumed is None:
                _write_run(job, run)
        _warn_when_all_are_drawn(job)
        trainer = _trainer(job, run, session.observers_of(run, job.config.training))
        state = trainer.run(job.config.training.deadline(began))
        result = _finish(run, job, _result(job, run, state, trainer), parameter_count(trainer.objective.module))
        session.observers(ResultsWritten(run.path, result.step))
        return result


def _finish(run: RunFolder, job: _Job, result: TrainResult, parameters: int) -> TrainResult:
    """Write results and card, and mark the run as finished."""
    facts = PretrainingFacts(job.registry, job.config, job.source, job.prepared.summary, job.feed, parameters)
    if job.placement.ranks.first:
        store, train, _ = job.opened()
        write_row_hashes(run, Rows(job.registry, job.config.data, job.feed, store, train))
    run.write_results(asdict(result))
    run.write_card(pretraining_card(facts, result))
    run.write_record(job.record(finished=True))
    return result


def _result(job: _Job, run: RunFolder, state: TrainingState, trainer: Trainer) -> TrainResult:
    held_out = [line for line in read_metrics(run.metrics) if "held_out_loss" in line]
    first, last = (held_out[0], held_out[-1]) if held_out else ({}, {})
    collapse = collapse_sentence(last, job.config.masking.ratio)
    summary, longest = job.prepared.summary, job.config.model.max_length
    store, _, held_out_rows = job.opened()
    held_out_count = len(np.unique(store.row_numbers[held_out_rows]))
    frequency = _frequency_loss(job)
    losses = [line.get("held_out_random_loss", math.nan) for line in (first, last)]
    objective = cast("PretrainObjective", trainer.objective)
    rise = rising_loss((line["step"], line.get("held_out_random_loss", math.nan)) for line in held_out)
    constant = constant_sentence(*objective.constant_latents()) if held_out else None
    return TrainResult(
        run=run.path,
        domain=job.registry.reference,
        step=state.step,
        seconds=state.elapsed,
        rows=summary.kept,
        rejected=summary.rejected,
        held_out_first=first.get("held_out_loss", math.nan),
        held_out_last=last.get("held_out_loss", math.nan),
        held_out_random_first=losses[0],
        held_out_random_last=losses[1],
        frequency_loss=frequency,
        truncated=summary.shortened,
        held_out_rows=held_out_count,
        windowed=summary.windowed,
        windows=summary.windows,
        own_file=job.source.first.spec is None,
        warnings=(
            *truncation_warnings(summary.shortened, summary.kept, longest, LONGER),
            *single_positions(store),
            *job.feed.warnings(job.config.data, job.config.model),
            *few_held_out(held_out_count),
            *([] if collapse is None or math.isnan(losses[1]) else [collapse]),
            *([] if constant is None or math.isnan(losses[1]) else [constant]),
            *([] if rise is None else [rise]),
            *nothing_learned(state.skipped, state.step, losses[1] if held_out else None),
            *([] if job.config.model.decoder.loss else little_learned(losses[1], losses[0], frequency)),
        ),
    )


def _frequency_loss(job: _Job) -> float | None:
    """Return the held-out loss of the frequencies of symbols in some training rows; None for numbers."""
    store, rows, held_out = job.opened()
    size, longest = job.config.training.batch_size, job.config.model.max_length
    some = rows[sample_rows(len(rows), ROWS_COUNTED)]
    evaluated = held_out[sample_rows(len(held_out), job.config.training.evaluate_rows)]
    return frequency_loss(*(job.feed.fixed_batches(store, chosen, size, longest) for chosen in (some, evaluated)))


def _needed(domain: str | None) -> str:
    if domain is None:
        raise UserError("pass `domain=NAME`; sma plugins list shows those installed")
    return domain


def _begin(domain: str | None, session: Session) -> _Job:
    """Resolve a new run and prepare its data."""
    registry = Registry.load(_needed(domain), session.policy)
    session.observe(registry)
    config = pretrain_settings(registry, session.request).config
    return _prepared(registry, config, new_feed(registry, config.data), session)


def _resume(run: RunFolder, session: Session) -> _Job:
    """Resolve a run that is resumed, as it was, and prepare its data."""
    registry, config = reopen(run, session.request_for(run), PretrainConfig, session.policy)
    session.observe(registry)
    record = run.record()
    with explain_missing_parts(run.path, record, session.policy):
        check_members(registry, config)
        job = _prepared(registry, config, feed_of(registry, config.data, record), session)
    run.write_config(config, job.placement.precision)
    return job


def _prepared(registry: Registry, config: PretrainConfig, feed: Feed, session: Session) -> _Job:
    """Prepare the data; raises `DataError` when rows of numbers have other features than ``feed`` knows."""
    source = find_mixture(registry, config.data)
    config = with_pair(config, source)
    placement = session.placement(config.training)
    feed.check_packing(config.data)
    progress = session.observers.rows_read
    prepared = feed.prepare(
        registry, source, config.data, config.model.max_length, progress=progress, grid=config.model.grid
    )
    job = _Job(registry, config, source, feed, prepared, placement)
    store, rows, _ = job.opened()
    return replace(job, feed=feed.fitted(store, rows, source.label))


def _write_run(job: _Job, run: RunFolder) -> None:
    """Write what makes a new folder a run; ``model.json`` comes last."""
    run.write_config(job.config, job.placement.precision)
    run.write_environment(job.registry.packages)
    run.copy_rejected(*job.prepared.rejected_rows)
    run.write_record(job.record(finished=False))


def _trainer(job: _Job, run: RunFolder, observers: Observers) -> Trainer:
    """Build model, batches and loop, restored from the run's newest checkpoint."""
    training, model = job.config.training, job.config.model
    store, rows, held_out = job.opened()
    size, packing, ranks = training.batch_size, job.config.data.packing, job.placement.ranks
    batches = job.feed.batches(store, size, model.max_length, training.seed, job.drawn(rows), ranks, packing)
    chosen = held_out[sample_rows(len(held_out), training.evaluate_rows)]
    evaluated = job.feed.fixed_batches(store, chosen, size, model.max_length)
    with seeded(training.seed):
        loss = reconstruction_loss(job.registry, model)
        module = build_network(job.registry, model, job.feed.inputs, loss)
    module.encoder.activation_checkpointing = training.activation_checkpointing
    steps = count_steps(training, batches.batches_in(0))
    masking = job.config.masking
    strategy = masking_strategy(job.registry, masking)
    average = WeightAverage.of(module, training)
    averaged = None if average is None else cast("SMA", average.module)
    trainer = Trainer(
        PretrainObjective(module, masking, evaluated, steps, training.compile, strategy, averaged),
        batches,
        training,
        steps,
        run.checkpoints,
        job.placement,
        observers,
        method=Method(optimizer_factory(job.registry, training), schedule_function(job.registry, training)),
        average=average,
        origin=RunOrigin(job.registry.name, VERB, dict(flatten(dump(job.config)))),
    )
    restore_newest(trainer, run)
    return trainer


def _warn_when_all_are_drawn(job: _Job) -> None:
    """Say so when the masking setting leaves nothing to chance: the mask is then the same every time."""
    masking, latents, longest = job.config.masking, job.config.model.latents, job.prepared.summary.longest
    drawn = query_count(longest, masking.ratio, masking.keys_per_query, latents)
    guided = masking_strategy(job.registry, masking).guided
    if guided and drawn == latents > 1 and job.placement.ranks.first:
        logger.warning(
            "masking.keys_per_query=%g draws all %d latents for rows of %d inputs, so nothing about the mask is "
            "random: give a larger masking.keys_per_query or more model.latents",
            masking.keys_per_query,
            latents,
            longest,
        )


def _steps_in_words(training: TrainingConfig) -> str:
    if training.steps is not None:
        return f"{training.steps:,}"
    return f"{training.epochs:g} epochs (counted when the data is prepared)"
