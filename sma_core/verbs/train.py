"""`train`: pre-train on unlabelled rows."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.config import PretrainConfig, TrainingConfig
from sma_core.config.layers import dump, flatten
from sma_core.data.batching.epochs import StoreSource, fixed_batches
from sma_core.data.batching.held_out import split_held_out
from sma_core.data.batching.mixing import Mixture
from sma_core.data.preparation.prepared_set import PreparedSet
from sma_core.data.store.store import Store
from sma_core.devices.device import seeded
from sma_core.devices.placement import Place
from sma_core.devices.ranks import joined
from sma_core.errors import ConfigError, DataError, UserError
from sma_core.files import as_path
from sma_core.nn.counts import query_count
from sma_core.nn.model import SMA
from sma_core.nn.parameters import parameter_count
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import parts_of
from sma_core.runs.restore import stand_at_checkpoint
from sma_core.runs.results import Plan, TrainResult
from sma_core.runs.resuming import find_run, reopen
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.session import Call, stand_up
from sma_core.runs.settings import Request, pretrain_settings, wishes
from sma_core.runs.watching import attached
from sma_core.sources.feeds import Feed, begin_feed, feed_of_run, is_continuous
from sma_core.sources.prepare import domain_facts, prepare_source, prepare_values
from sma_core.sources.source_set import SourceSet, find_mixture
from sma_core.training.loop import Trainer, TrainingState
from sma_core.training.metrics_file import read_metrics
from sma_core.training.observers import Observer, Observers
from sma_core.training.pretraining import PretrainObjective, sample_rows
from sma_core.training.stream import count_steps

Rows = NDArray[np.int64]
logger = logging.getLogger("sma")

VERB = "train"


@dataclass(frozen=True)
class _Job:
    """A run that is about to begin or to go on, with all its parts found."""

    registry: Registry
    config: PretrainConfig
    source: SourceSet
    feed: Feed
    prepared: PreparedSet
    place: Place

    def opened(self) -> tuple[Store, Rows, Rows]:
        """Open the store; give it, the rows to train on, and those kept apart."""
        store = self.prepared.open()
        return store, *split_held_out(store.row_numbers, self.config.data.held_out, self.source.where)

    def drawn(self, train: Rows) -> Rows | Mixture:
        """Return the training rows, or how they are drawn where sets are mixed."""
        if self.config.data.weights is None:
            return train
        bounds = self.prepared.bounds(self.source.mixed)
        groups = np.split(train, np.searchsorted(train, bounds))
        for at, group in enumerate(groups):
            if not len(group):
                raise DataError(f"set {at + 1} of {self.source.label} has no row to train on: leave it out")
        return Mixture(groups, self.config.data.weights, self.config.training.seed)


def plan_training(
    domain: str | None,
    recipe: str | None = None,
    config: Path | None = None,
    settings: Mapping[str, Any] | None = None,
    policy: PluginPolicy | None = None,
) -> Plan:
    """Resolve everything `train` would use, without reading data or writing anything."""
    domain, policy = named(domain, policy)
    registry = Registry.load(_needed(domain), policy)
    resolved = pretrain_settings(registry, Request(recipe, config, settings or {})).config
    find_mixture(registry, resolved.data)
    feed = begin_feed(registry, resolved.data)
    with torch.device("meta"):
        parameters = parameter_count(SMA(resolved.model, feed.inputs))
    return Plan(dict(flatten(dump(resolved))), parameters, _steps_in_words(resolved.training))


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
    """Pre-train on unlabelled rows and return where the run is and what it reached.

    Args:
        domain: The plugin that knows the data, or a Python file that does; may be left out when ``resume`` names a
            run.
        data: A set's name, a file, or several: a folder, a pattern, or names divided by commas; empty: the
            domain's own set.
        recipe: Shipped settings to begin from (``tiny`` when empty).
        config: A TOML file of settings laid over the recipe.
        settings: Single settings by dotted name, laid over all: ``{"training.steps": 100}``.
        out: Folder of the run; empty: a new one under ``runs/``.
        resume: A run to go on with, or ``auto``.
        observers: Called with every event of `sma_core.plugins.events`, as plugins' observers are.
        policy: Which plugins may be used; empty: as the environment says.

    Raises:
        UserError: For anything the user can mend; nothing half-written is left.
        StoppedOnRequest: After Ctrl-C or SIGTERM, once the state is saved.
    """
    began = time.monotonic()
    request = Request.of(recipe, config, settings, data=data)
    out = as_path(out)
    domain, policy = named(domain, policy)
    with joined() as ranks, ExitStack() as held:
        call = Call(request, policy, Observers(observers, quiet=not ranks.first), ranks)
        job, run = stand_up(
            ranks,
            held,
            found=lambda: find_run(resume, VERB, domain, out, wishes(request, PretrainConfig)),
            job_of=lambda run: _go_on(run, call) if run else _begin(domain, call),
            make=lambda job: RunFolder.create(out, f"{job.registry.name}-{job.config.recipe}"),
            write=_write_run,
        )
        _warn_when_all_are_drawn(job)
        trainer = _trainer(job, run, attached(call.watching, run, job.config.training))
        state = trainer.run(job.config.training.deadline(began))
        run.write_model(_facts(job, finished=True))
        return _result(job, run, state)


def _result(job: _Job, run: RunFolder, state: TrainingState) -> TrainResult:
    held_out = [line for line in read_metrics(run.metrics) if "held_out_loss" in line]
    first, last = (held_out[0], held_out[-1]) if held_out else ({}, {})
    return TrainResult(
        run=run.path,
        domain=job.registry.reference,
        step=state.step,
        seconds=state.elapsed,
        rows=job.prepared.summary.kept,
        rejected=job.prepared.summary.rejected,
        held_out_first=first.get("held_out_loss", math.nan),
        held_out_last=last.get("held_out_loss", math.nan),
        held_out_random_first=first.get("held_out_random_loss", math.nan),
        held_out_random_last=last.get("held_out_random_loss", math.nan),
    )


def _needed(domain: str | None) -> str:
    if domain is None:
        raise UserError("say which domain with --domain NAME; sma plugins list names those installed")
    return domain


def _begin(domain: str | None, call: Call) -> _Job:
    """Find the parts of a new run and prepare its data."""
    registry = Registry.load(_needed(domain), call.policy)
    call.watching.add_plugins(registry)
    config = pretrain_settings(registry, call.request).config
    feed = begin_feed(registry, config.data)
    job = _job(registry, config, feed, call)
    if is_continuous(registry):
        store, train, _ = job.opened()
        return replace(job, feed=Feed(scale=store.scale(train)))
    return job


def _go_on(run: RunFolder, call: Call) -> _Job:
    """Find the parts of a run that goes on, as they were."""
    registry, config = reopen(run, call.request_for(run), PretrainConfig, call.policy)
    call.watching.add_plugins(registry)
    facts = run.model()
    with parts_of(run.path, facts, call.policy):
        job = _job(registry, config, feed_of_run(registry, config.data, facts), call)
    run.write_config(config, job.place.precision)
    return job


def _job(registry: Registry, config: PretrainConfig, feed: Feed, call: Call) -> _Job:
    """Prepare the data; raises `DataError` when numbers are not of the features that ``feed`` knows."""
    source, length = find_mixture(registry, config.data), config.model.max_length
    place, progress = call.place(config.training), call.watching.rows_read
    if feed.tokenizer is not None:
        prepared = prepare_source(registry, source, config.data, feed.tokenizer, length, progress=progress)
        return _Job(registry, config, source, feed, prepared, place)
    if config.data.packing != "single":
        raise ConfigError("data.packing must be single for rows of numbers: they cannot be joined")
    prepared = prepare_values(registry, source, config.data, length, progress=progress)
    if feed.scale is not None:
        feed.scale.check_columns(prepared.open().metadata.columns, source.label)
    return _Job(registry, config, source, feed, prepared, place)


def _write_run(job: _Job, run: RunFolder) -> None:
    """Write what makes a new folder a run; ``model.json`` comes last."""
    run.write_config(job.config, job.place.precision)
    run.write_environment(job.registry.packages)
    run.take_rejected(*job.prepared.rejected_rows)
    run.write_model(_facts(job, finished=False))


def _facts(job: _Job, finished: bool) -> dict[str, Any]:
    origin = domain_facts(job.registry) | job.feed.facts()
    data: dict[str, Any] = {"source": job.source.label, "rows": job.prepared.summary.kept}
    if job.config.data.weights is not None:
        data["weights"] = job.config.data.weights
    return {"verb": VERB, "finished": finished, **origin, "data": data}


def _trainer(job: _Job, run: RunFolder, observers: Observers) -> Trainer:
    """Build model, batches and loop, standing where the run's newest checkpoint stands."""
    training, model = job.config.training, job.config.model
    store, train, held_out = job.opened()
    pad, size, scale = job.feed.pad_id, training.batch_size, job.feed.scale
    packing, ranks = job.config.data.packing, job.place.ranks
    source = StoreSource(
        store, size, model.max_length, pad, training.seed, packing, job.drawn(train), scale, ranks.rank, ranks.size
    )
    chosen = held_out[sample_rows(len(held_out), training.evaluate_rows)]
    batches = fixed_batches(store, chosen, size, pad, model.max_length, scale)
    with seeded(training.seed):
        module = SMA(model, job.feed.inputs)
    module.encoder.activation_checkpointing = training.activation_checkpointing
    steps = count_steps(training, source.batches_in(0))
    trainer = Trainer(
        PretrainObjective(module, job.config.masking, batches, steps, training.compile),
        source,
        training,
        steps,
        run.checkpoints,
        job.place,
        observers,
    )
    stand_at_checkpoint(trainer, run)
    return trainer


def _warn_when_all_are_drawn(job: _Job) -> None:
    """Say so when the masking setting leaves nothing to chance: the mask is then the same every time."""
    masking, latents, longest = job.config.masking, job.config.model.latents, job.prepared.summary.longest
    drawn = query_count(longest, masking.ratio, masking.keys_per_query, latents)
    if masking.strategy == "guided" and drawn == latents > 1 and job.place.ranks.first:
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
