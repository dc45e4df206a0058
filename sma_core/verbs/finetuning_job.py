"""The parts of a fine-tuning: targets, network, objective and trainer, from settings and labelled rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sma_core.config import FinetuneConfig
from sma_core.config.class_weights import BALANCED, class_weights_of
from sma_core.config.finetuning import FinetuneTrainingConfig
from sma_core.config.layers import dump, flatten
from sma_core.devices.device import seeded
from sma_core.devices.placement import Placement
from sma_core.errors import ConfigError
from sma_core.feeds.feed import Feed
from sma_core.labels.labelled_rows import LabelledRows
from sma_core.models.build import build_predictor, load_encoder
from sma_core.nn.adapters import add_adapters
from sma_core.nn.model import Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.events import RunOrigin
from sma_core.plugins.registry import Registry
from sma_core.runs.methods import augmenter, optimizer_factory, schedule_function
from sma_core.runs.resuming import restore_newest
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.shipped_models import locate_model
from sma_core.training.average import WeightAverage
from sma_core.training.finetuning.class_weights import weighted
from sma_core.training.finetuning.objective import FinetuneObjective
from sma_core.training.finetuning.probing import MOST_ROWS, fit_probe
from sma_core.training.finetuning.targets import Targets
from sma_core.training.finetuning.unfreezing import GradualUnfreezing
from sma_core.training.loop import Trainer
from sma_core.training.method import Method
from sma_core.training.optimizers.layer_decay import layer_rates
from sma_core.training.reporting.observers import Observers
from sma_core.training.stream import count_steps

VERB = "finetune"


@dataclass(frozen=True)
class Job:
    """A fine-tuning with everything resolved: plugins, settings, labelled rows, and where to compute."""

    registry: Registry
    config: FinetuneConfig
    rows: LabelledRows
    head: str
    placement: Placement

    @property
    def feed(self) -> Feed:
        """Feed of the rows."""
        return self.rows.feed


def build_objective(job: Job, run: RunFolder, policy: PluginPolicy | None) -> FinetuneObjective:
    """Build the network; the weights of a checkpoint to resume from are loaded later."""
    config, rows = job.config, job.rows
    targets = run.record().targets
    assert targets is not None, "a record of a fine-tuned run has targets"
    with seeded(config.training.seed):
        module = build_predictor(job.registry, config, job.feed.inputs, job.head, targets)
    module.encoder.activation_checkpointing = config.training.activation_checkpointing
    if config.pretrained is not None and not run.checkpoints.steps():
        load_encoder(module, RunFolder.open(locate_model(config.pretrained, policy)))
    if module.probe is not None and not run.checkpoints.steps():
        _fit_probe(job, module, targets)
    freeze(module, config.training, job.placement.strategy)
    valid = rows.batches("valid", config.training.batch_size)
    unit = 1.0 if rows.weights is None else float(np.abs(rows.weights[rows.parts["train"]]).mean()) or 1.0
    compiled, augment = config.training.compile, augmenter(job.registry, config)
    return FinetuneObjective(
        module, targets, valid, rows.metrics, rows.selection, compiled, rows.weights, unit, augment, rows.limits
    )


def freeze(module: Predictor, training: FinetuneTrainingConfig, strategy: str = "single") -> None:
    """Freeze what does not train at all, and add adapters; raises `ConfigError` where ranks do not support it."""
    if training.lora_rank is not None and strategy == "fsdp":
        raise ConfigError("training.lora_rank does not support training.strategy fsdp: use ddp")
    if training.unfreeze_layers is not None and strategy != "single":
        raise ConfigError("training.unfreeze_layers needs a single rank: leave it out, or train on one device")
    if training.frozen_encoder:
        module.freeze()
    if training.lora_rank is not None:
        with seeded(training.seed):
            add_adapters(module, training.lora_rank, training.lora_alpha or training.lora_rank)


def _fit_probe(job: Job, module: Predictor, targets: Targets) -> None:
    """Fit the probe of the frozen encoder, on a sample of rows if there are many."""
    rows, training = job.rows, job.config.training
    draw = np.random.default_rng(training.seed)
    train, valid = (rows.some_batches(part, MOST_ROWS, draw, training.batch_size) for part in ("train", "valid"))
    fit_probe(module, targets, rows.metrics, rows.selection, train, valid, job.placement)


def fit_targets(rows: LabelledRows, config: FinetuneConfig) -> Targets:
    """Compute scale and class weights from the training labels, and choose the loss."""
    targets = Targets.fit(rows.targets, rows.kind, rows.labels("train"), rows.classes or rows.values)
    if config.loss is not None:
        targets = targets.with_loss(config.loss, config.huber_delta)
    if config.class_weights is None:
        return targets
    if config.class_weights != BALANCED:
        return weighted(targets, class_weights_of(config.class_weights))
    return targets.balanced(rows.known_symbols("train") if targets.per_position else rows.labels("train"))


def build_trainer(job: Job, run: RunFolder, objective: FinetuneObjective, observers: Observers) -> Trainer:
    """Build batches and loop, evaluated and saved once an epoch; restore the newest checkpoint."""
    training, length = job.config.training, job.config.model.max_length
    rows, ranks = job.rows.parts["train"], job.placement.ranks
    source = job.feed.batches(job.rows.store, training.batch_size, length, training.seed, rows, ranks)
    epoch = math.ceil(source.batches_in(0) / training.accumulate)
    training = training.model_copy(update={"evaluate_every": epoch, "checkpoint_every": epoch})
    if training.unfreeze_layers is not None:
        objective.unfreezing = GradualUnfreezing(objective.module, training.unfreeze_layers, epoch)
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
        average=WeightAverage.of(objective.module, training),
        save_start=objective.module.probe is not None,
        origin=RunOrigin(job.registry.name, VERB, dict(flatten(dump(job.config)))),
    )
    restore_newest(trainer, run)
    return trainer
