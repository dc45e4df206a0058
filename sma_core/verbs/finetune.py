"""`finetune`: learn labels, from a pre-trained run or from random weights."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from sma_core.config import FinetuneConfig
from sma_core.devices.device import autocast, seeded
from sma_core.devices.placement import Placement
from sma_core.feeds.feed import Feed, feed_of
from sma_core.files import as_path
from sma_core.labels.labelled_rows import LabelledRows, check_same_rows, known_kind, read_labelled, split_record
from sma_core.models.build import build_predictor, choose_head, load_encoder, load_weights
from sma_core.models.pretrained import open_pretrained
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.plugins.registry import Registry
from sma_core.runs.methods import optimizer_factory, schedule_function
from sma_core.runs.provenance import explain_missing_parts, origin_of
from sma_core.runs.record import RunRecord
from sma_core.runs.results import FinetuneResult
from sma_core.runs.resuming import find_run, reopen, restore_newest
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.session import Session, open_session
from sma_core.runs.settings import Request, finetune_settings, requested_settings
from sma_core.training.finetuning import FinetuneObjective
from sma_core.training.labelled_predictions import figures_by_target
from sma_core.training.layer_decay import layer_rates
from sma_core.training.loop import Trainer
from sma_core.training.method import Method
from sma_core.training.observers import Observer, Observers
from sma_core.training.stream import count_steps
from sma_core.training.targets import Targets
from sma_core.writers.model_card import CardFacts, model_card

VERB = "finetune"


@dataclass(frozen=True)
class _Job:
    """A fine-tuning that is about to begin or to go on, with all its parts found."""

    registry: Registry
    config: FinetuneConfig
    rows: LabelledRows
    head: str
    placement: Placement

    @property
    def feed(self) -> Feed:
        """What the model is fed."""
        return self.rows.feed


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
    """Learn a task's labels, select on validation, and report the test split once.

    Args:
        domain: The plugin, or Python file, that knows the data; empty with ``model`` or a named ``resume``.
        model: A pre-trained run to start from; empty: random weights.
        task: A task by name; empty: the domain's default.
        data: A file of your own instead of the task's set; then ``settings["targets"]`` names the columns.
        recipe: Shipped settings to begin from; empty: the pre-trained run's, else ``tiny``.
        config: A TOML file of settings laid over the recipe.
        settings: Single settings by dotted name, laid over all.
        out: Folder of the run; empty: a new one under ``runs/``.
        resume: A run to go on with, or ``auto``.
        observers: Called with every event of `sma_core.plugins.events`, as plugins' observers are.
        policy: Which plugins may be used; empty: as the environment says.

    Raises:
        UserError: For anything the user can mend; nothing half-written is left.
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
            targets = _targets(job.rows, job.config)
            run = resumed or session.create(folder, f"{job.registry.name}-{job.rows.name}")
            if resumed is None:
                _write_run(job, targets, run)
        objective = _objective(job, run)
        trainer = _trainer(job, run, objective, session.observers_of(run, job.config.training))
        trainer.run(job.config.training.deadline(began))
        return _finish(run, job, objective, _judge(job, run, trainer, objective, time.monotonic() - began))


def _finish(run: RunFolder, job: _Job, objective: FinetuneObjective, result: FinetuneResult) -> FinetuneResult:
    """Write what was reached, what the model is, and that the run is finished."""
    run.write_results(asdict(result))
    run.write_card(_card(job, objective, result))
    run.write_record(_record(job, objective.targets, finished=True))
    return result


def _card(job: _Job, objective: FinetuneObjective, result: FinetuneResult) -> str:
    """Write the model card."""
    size = sum(parameter.numel() for parameter in objective.module.parameters())
    about = CardFacts(job.registry, job.config, job.rows, objective.targets, job.head, size)
    return model_card(about, result)


def _begin(domain: str | None, model: Path | None, session: Session) -> _Job:
    """Resolve a new fine-tuning and prepare its rows."""
    start = open_pretrained(domain, model, "fine-tuning starts from")
    with explain_missing_parts(model, start.record, session.policy):
        registry = Registry.load(start.domain, session.policy)
        session.observe(registry)
        config = finetune_settings(registry, session.request, start.settings).config
        feed = start.feed(registry, config.data)
    return _prepared(registry, config, feed, session)


def _resume(run: RunFolder, session: Session) -> _Job:
    """Resolve a fine-tuning that is resumed, as it was, and prepare its rows."""
    registry, config = reopen(run, session.request_for(run), FinetuneConfig, session.policy)
    session.observe(registry)
    record = run.record()
    with explain_missing_parts(run.path, record, session.policy):
        job = _prepared(registry, config, feed_of(registry, config.data, record), session)
    check_same_rows(run, job.rows)
    run.write_config(config, job.placement.precision)
    return job


def _prepared(registry: Registry, config: FinetuneConfig, feed: Feed, session: Session) -> _Job:
    """Prepare the rows; a head that does not fit is refused before they are read, where their kind is known."""
    kind = known_kind(registry, config)
    if kind is not None:
        choose_head(registry, config.head, kind)
    placement = session.placement(config.training)
    rows = read_labelled(registry, config, feed, session.observers.rows_read)
    return _Job(registry, config, rows, choose_head(registry, config.head, rows.kind), placement)


def _objective(job: _Job, run: RunFolder) -> FinetuneObjective:
    """Build the network; a run that goes on from a checkpoint takes its weights from there later."""
    config, rows = job.config, job.rows
    targets = Targets.from_json(run.record().targets or {})
    with seeded(config.training.seed):
        module = build_predictor(job.registry, config.model, job.feed.inputs, job.head, targets.outputs)
    module.encoder.activation_checkpointing = config.training.activation_checkpointing
    if config.pretrained is not None and not run.checkpoints.steps():
        load_encoder(module, RunFolder.open(Path(config.pretrained)))
    if config.training.frozen_encoder:
        module.freeze()
    valid = rows.batches("valid", config.training.batch_size)
    return FinetuneObjective(module, targets, valid, rows.metrics, rows.selection, config.training.compile)


def _targets(rows: LabelledRows, config: FinetuneConfig) -> Targets:
    """Take scale and class weights from the training labels."""
    targets = Targets.fit(rows.targets, rows.kind, rows.labels("train"), rows.classes)
    if config.class_weights is None:
        return targets
    return targets.balanced(rows.known_symbols("train") if targets.per_position else rows.labels("train"))


def _trainer(job: _Job, run: RunFolder, objective: FinetuneObjective, observers: Observers) -> Trainer:
    """Build batches and loop, evaluated and saved once an epoch; restore the newest checkpoint."""
    training, length = job.config.training, job.config.model.max_length
    rows, ranks = job.rows.parts["train"], job.placement.ranks
    source = job.feed.batches(job.rows.store, training.batch_size, length, training.seed, rows, ranks)
    epoch = math.ceil(source.batches_in(0) / training.accumulate)
    training = training.model_copy(update={"evaluate_every": epoch, "checkpoint_every": epoch})
    steps = count_steps(training, source.batches_in(0))
    trainer = Trainer(
        objective,
        source,
        training,
        steps,
        run.checkpoints,
        job.placement,
        observers,
        method=Method(optimizer_factory(job.registry, training), schedule_function(job.registry, training)),
        rates=layer_rates(objective.module, training.layer_decay),
        patience=training.patience or None,
    )
    restore_newest(trainer, run)
    return trainer


def _judge(
    job: _Job, run: RunFolder, trainer: Trainer, objective: FinetuneObjective, seconds: float
) -> FinetuneResult:
    """Take the figures of the checkpoint that validation picked; here the test split is looked at, once."""
    best = load_weights(objective.module, run)
    objective.module.eval()
    batch_size = job.config.training.batch_size
    with torch.no_grad(), autocast(job.placement.device, job.placement.precision):
        valid, test = (
            objective.predict_labelled(job.rows.batches(part, batch_size), job.placement.ranks)
            for part in ("valid", "test")
        )
    return FinetuneResult(
        run=run.path,
        domain=job.registry.reference,
        task=job.rows.label,
        kind=job.rows.kind,
        kind_guessed=job.rows.kind_guessed,
        metric=objective.selection,
        best_step=best.step,
        step=trainer.state.step,
        stopped_early=trainer.stopped_early,
        rows=job.rows.sizes(),
        split=job.rows.split,
        rejected=job.rows.rejected,
        seconds=seconds,
        valid=valid.figures(),
        test=test.figures(),
        test_targets=figures_by_target(test),
    )


def _write_run(job: _Job, targets: Targets, run: RunFolder) -> None:
    """Write what makes a new folder a run; ``model.json`` comes last."""
    run.write_config(job.config, job.placement.precision)
    run.write_environment(job.registry.packages)
    run.copy_rejected(*job.rows.prepared.rejected_rows)
    run.write_record(_record(job, targets, finished=False))


def _record(job: _Job, targets: Targets, finished: bool) -> RunRecord:
    return RunRecord(
        verb=VERB,
        finished=finished,
        task=job.rows.label,
        targets=targets.to_json(),
        head=job.head,
        pretrained=job.config.pretrained,
        split=split_record(job.rows, job.config.split.seed),
        **origin_of(job.registry),
        **job.feed.record(),
    )
