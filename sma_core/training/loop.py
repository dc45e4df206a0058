"""The training loop: steps, evaluations, checkpoints, and exact resume.

The random state of a step (dropout, masks) is seeded from the run's seed and the step, so a checkpoint holds only
weights, optimiser state, the position in the data, and the loss since the last log.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sma_core.checkpoints.store import CheckpointStore, StoredCheckpoint
from sma_core.checkpoints.tensor_file import gather
from sma_core.checkpoints.weights import check_weights
from sma_core.config import TrainingConfig
from sma_core.data.batching.batches import Batch
from sma_core.devices.device import autocast
from sma_core.devices.parallel import (
    averaged_gradients,
    full_tensor,
    load_full_state,
    no_gradient_sync,
    shard,
)
from sma_core.devices.placement import Placement
from sma_core.devices.ranks import Ranks
from sma_core.errors import ConfigError, StoppedOnRequest, UserError
from sma_core.memory import FirstSteps, give_back_freed_memory
from sma_core.nn.adapters import PREFIX, adapter_tensors, restore_adapters
from sma_core.nn.parameters import parameter_count
from sma_core.plugins.events import (
    CheckpointSaved,
    Evaluated,
    MaskExample,
    RunFinished,
    RunOrigin,
    RunStarted,
    StepLogged,
)
from sma_core.signals import StopRequest
from sma_core.training.average import LATEST, WeightAverage
from sma_core.training.method import Method
from sma_core.training.nonfinite import SkippedSteps
from sma_core.training.optimizers.groups import build_optimizer, set_learning_rate
from sma_core.training.optimizers.state import load_optimizer_tensors, optimizer_tensors
from sma_core.training.reporting.observers import Observers
from sma_core.training.schedules.rate import learning_rate
from sma_core.training.state import TrainingState
from sma_core.training.stream import BatchSource, BatchStream
from sma_core.training.workers import BatchWorkers, worker_errors


class Objective(Protocol):
    """A module to train, its loss on a batch, and metrics on held-out rows."""

    @property
    def module(self) -> nn.Module:
        """The module to train."""
        ...

    @property
    def selection(self) -> str:
        """Name of the metric that selects the best checkpoint."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger value of `selection` is better."""
        ...

    @property
    def examples(self) -> tuple[MaskExample, ...]:
        """The masks of a few held-out rows at the last evaluation; empty where nothing is hidden."""
        ...

    forward: nn.Module
    """The module as the loss calls it: compiled, or wrapped for several ranks."""

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> tuple[Tensor, Tensor]:
        """Return the mean loss at ``step`` (from 0) and the number of scored items, both scalars.

        All random numbers come from ``generator``.
        """
        ...

    def evaluate(self, ranks: Ranks) -> dict[str, float]:
        """Return metrics on held-out rows, including `selection`; equal on all ranks. Empty: there are no rows."""
        ...


class Trainer:
    """Trains ``objective`` on ``source`` for ``steps`` optimiser steps, counted from the start of the run.

    ``method`` holds the optimiser and the schedule; the default is AdamW with the built-in schedule of the
    settings. ``rates`` are learning-rate factors by parameter name. With ``patience`` training stops after that
    many consecutive evaluations without improvement; with ``save_start`` the first checkpoint is that of step 0.
    With ``average``, averaged weights are evaluated and saved. ``origin`` is for observers. On several ranks,
    ``source`` returns this rank's share of every batch. Raises `ConfigError` for an average with fsdp.
    """

    def __init__(
        self,
        objective: Objective,
        source: BatchSource,
        config: TrainingConfig,
        steps: int,
        store: CheckpointStore,
        place: Placement,
        observers: Observers | None = None,
        *,
        method: Method | None = None,
        rates: Mapping[str, float] | None = None,
        patience: int | None = None,
        average: WeightAverage | None = None,
        save_start: bool = False,
        origin: RunOrigin | None = None,
    ) -> None:
        self.objective, self.config, self.steps, self.store = objective, config, steps, store
        self.device, self.precision, self.ranks = place.device, place.precision, place.ranks
        self._emit = observers if observers is not None else Observers()
        self._run, self._origin = store.folder.parent, origin or RunOrigin()
        self.patience, self.save_start = patience, save_start
        self.method = method or Method.built_in(config.schedule)
        self._grad_off = torch.no_grad if place.strategy == "fsdp" else torch.inference_mode
        self.module = objective.module.to(self.device)
        self.average = average
        if average is not None:
            average.module.to(self.device)
        if place.strategy == "fsdp":
            if average is not None:
                raise ConfigError("training.average_decay does not support training.strategy fsdp: use ddp")
            give_back_freed_memory()  # with fsdp, memory matters more than speed
            shard(self.module)
        self.optimizer = build_optimizer(self.module, config, rates, self.method.optimizer)
        self._average_gradients = place.strategy == "ddp"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.precision == "fp16")
        self.state = TrainingState()
        workers = BatchWorkers(source, config.workers, self.device) if config.workers else None
        self.stream = BatchStream(source, ahead=workers)
        self._window = torch.zeros((), device=self.device)
        self._gradient_norm = torch.full((), math.nan, device=self.device)
        self._skipped = SkippedSteps(self.device)
        self._memory = FirstSteps()
        self._evaluated_step: int | None = None
        self._saved_step: int | None = None
        self._samples = 0
        self._clock = time.monotonic()
        self._log_clock = self._clock

    def restore(self, checkpoint: StoredCheckpoint) -> None:
        """Restore weights, optimiser and position from ``checkpoint``.

        Raises `CheckpointError` if the weights do not match the model.
        """
        weights = checkpoint.model()
        check_weights(self.module.state_dict(), weights, self._run)
        load_full_state(self.module, weights)
        training = checkpoint.training()
        restore_adapters(self.module, training)
        if self.average is not None:
            self.average.restore(training)
        load_optimizer_tensors(self.optimizer, self.module, of_the_optimizer(training))
        self.state = TrainingState.read(checkpoint)
        self.stream.epoch, self.stream.index = self.state.epoch, self.state.batch
        self._saved_step = self.state.step
        self._window = torch.tensor(self.state.window_loss if self.ranks.first else 0.0, device=self.device)
        self._skipped.restore(self.state.skipped, self.state.skipped_in_a_row)
        if self.state.scaler:
            self.scaler.load_state_dict(self.state.scaler)

    @property
    def stopped_early(self) -> bool:
        """Whether ``patience`` ended training before the last step."""
        return self.state.step < self.steps and self.patience is not None and self.state.waited >= self.patience

    @property
    def finished(self) -> bool:
        """Whether training is complete or stopped early."""
        return self.state.step >= self.steps or self.stopped_early

    def run(self, until: float | None = None) -> TrainingState:
        """Train to the last step, or ``until`` a time of ``time.monotonic()`` in seconds.

        Raises `StoppedOnRequest`, after saving a checkpoint, on a stop signal or when the time is up.
        """
        self._clock = time.monotonic() - self.state.elapsed
        self._log_clock, self._samples = time.monotonic(), 0
        parameters = parameter_count(self.module)
        begun = RunStarted(self._run, self.state.step, self.steps, parameters, str(self.device), self.precision)
        self._emit(replace(begun, **self._origin._asdict()))
        cuda = [self.device] if self.device.type == "cuda" else []
        with (
            torch.random.fork_rng(devices=cuda),
            self._wrapped(),
            worker_errors(self.stream),
            StopRequest(until) as stop,
        ):
            if self.state.step == 0:
                self._evaluate()
                if self.save_start and self._saved_step is None:
                    self._save()
            while not self.finished and not self.ranks.any(stop.requested):
                self._step()
                self._after_step()
            self._memory.end()
            stopped = not self.finished
            if self.state.step < self.steps and self._saved_step != self.state.step:
                self._save()
            self.ranks.barrier()  # until rank 0 has saved
        self._emit(RunFinished(self._run, self.state.step, stopped, self.stopped_early))
        if stopped:
            raise StoppedOnRequest(
                f"stopped on request at step {self.state.step} of {self.steps}; its checkpoint is saved"
            )
        return self.state

    def _wrapped(self) -> AbstractContextManager[None]:
        """Return a context in which gradients are averaged over the ranks with ddp."""
        return averaged_gradients(self.objective) if self._average_gradients else nullcontext()

    def _step(self) -> None:
        """Perform one optimiser step over ``accumulate`` batches."""
        self._memory.before_step()
        step = self.state.step + 1
        dropout, masks = step_seeds(self.config.seed, step, self.ranks.rank)
        torch.manual_seed(dropout)
        generator = torch.Generator(self.device).manual_seed(masks)
        self.module.train()
        total = torch.zeros((), device=self.device)
        for remaining in reversed(range(self.config.accumulate)):
            batch = self.stream.next().to(self.device)
            with no_gradient_sync(self.objective.forward if remaining else None):
                with autocast(self.device, self.precision):
                    loss = self._weighted(*self.objective.loss(batch, generator, step - 1))
                self.scaler.scale(loss / self.config.accumulate).backward()  # type: ignore[no-untyped-call]
            total += loss.detach() / self.ranks.size
            self._samples += batch.total
        self.scaler.unscale_(self.optimizer)
        self._update(learning_rate(step, self.steps, self.config, self.method.schedule))
        if self.average is not None:
            self.average.update(step)
        self._window = self._window + total.masked_fill(self._skipped.last, 0.0)
        self.state.window_batches += self.config.accumulate
        self.state.step = step
        self.state.epoch, self.state.batch = self.stream.epoch, self.stream.index

    def _weighted(self, loss: Tensor, count: Tensor) -> Tensor:
        """Weight this rank's mean loss by its number of items, so that the mean over ranks is the global mean."""
        if self.ranks.alone:
            return loss
        return loss * (count * self.ranks.size / self.ranks.total(count).clamp(min=1e-6))

    def _update(self, rate: float) -> None:
        """Clip the gradient and update the parameters, unless the gradient is not finite."""
        gradients = [parameter.grad for parameter in self.module.parameters() if parameter.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        if self.config.clip_norm is not None:
            nn.utils.clip_grads_with_norm_(self.module.parameters(), self.config.clip_norm, norm)
        set_learning_rate(self.optimizer, rate)
        own = not self.scaler.is_enabled()
        self._gradient_norm = full_tensor(norm).detach()
        with self._skipped.skip_nonfinite(self.optimizer, self._gradient_norm, own=own):
            if self._skipped.allows(self.optimizer):
                self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)

    def _after_step(self) -> None:
        """Log, evaluate and save at the configured intervals and at the last step."""
        step, config = self.state.step, self.config
        last = step == self.steps
        save = last or step % config.checkpoint_every == 0 or step in config.milestones
        if last or step % config.log_every == 0:
            self._log()
        if save or step % config.evaluate_every == 0:
            self._evaluate()
        if save:
            self._save()

    def _log(self) -> None:
        state = self.state
        batches = state.window_batches - self._skipped.since_log() * self.config.accumulate
        total = float(self.ranks.total(self._window))
        loss = total / batches if batches > 0 else math.nan
        now = time.monotonic()
        rate = self._samples / max(now - self._log_clock, 1e-9)
        state.elapsed = now - self._clock
        state.window_batches = 0
        self._window = torch.zeros((), device=self.device)
        self._samples, self._log_clock = 0, now
        lr = learning_rate(state.step, self.steps, self.config, self.method.schedule)
        state.skipped, state.skipped_in_a_row = self._skipped.read()
        shown = (loss, lr, rate, state.elapsed, state.skipped, float(self._gradient_norm))
        self._emit(StepLogged(self._run, state.step, self.steps, self.stream.passed, *shown))
        if state.skipped_in_a_row >= self.config.max_skipped_steps:
            raise UserError(
                f"the gradient was not finite in {state.skipped_in_a_row} consecutive steps, up to step "
                f"{state.step}; the last checkpoints are kept: continue with "
                "training.precision=fp32, or start again with a lower training.learning_rate"
            )

    def _evaluate(self) -> None:
        """Compute metrics on held-out rows; samples per second exclude this time."""
        start = time.monotonic()
        self.module.eval()
        with self._averaged_weights(), self._grad_off(), autocast(self.device, self.precision):
            metrics = self.objective.evaluate(self.ranks)
        self._log_clock += time.monotonic() - start
        self.state.elapsed = time.monotonic() - self._clock
        self.state.metrics = metrics
        self._evaluated_step = self.state.step
        if self.state.step:
            self.state.waited = 0 if self._is_best() else self.state.waited + 1
        if metrics:
            self._emit(Evaluated(self._run, self.state.step, self.state.elapsed, metrics, self.objective.examples))

    def _save(self) -> None:
        """Save a checkpoint, mark it if it is the best, and delete old ones."""
        start = time.monotonic()
        state = self.state
        state.window_loss = float(self.ranks.total(self._window))
        state.skipped, state.skipped_in_a_row = self._skipped.read()
        state.window_batches -= self._skipped.since_log() * self.config.accumulate
        best = self._is_best()
        if best and state.metrics:
            state.best_step, state.best_value = state.step, state.metrics[self.objective.selection]
        state.elapsed = start - self._clock
        state.scaler = self.scaler.state_dict() if self.scaler.is_enabled() else None
        self._write_checkpoint()
        self._saved_step = state.step
        self._log_clock += time.monotonic() - start
        self._emit(CheckpointSaved(self._run, state.step, self.store.path(state.step), best))

    def _write_checkpoint(self) -> None:
        state = self.state
        training = optimizer_tensors(self.optimizer, self.module)
        with self._averaged_weights():
            model = self.module.state_dict()
            training |= adapter_tensors(self.module)
            if self.average is not None:
                training |= self.average.latest_weights()
            if self.ranks.first:
                self.store.save(state.step, model, training, asdict(state))
            else:
                gather(model)
                gather(training)
        if self.ranks.first and not state.skipped_in_a_row:  # else these weights may have diverged
            self.store.prune(self.config.keep_last, state.best_step, self.config.milestones)

    def _averaged_weights(self) -> AbstractContextManager[None]:
        """Return a context in which the module has the averaged weights, if there are any."""
        return nullcontext() if self.average is None else self.average.in_use()

    def _is_best(self) -> bool:
        """Return whether this step was evaluated and is better than all saved ones."""
        state = self.state
        if self._evaluated_step != state.step or not state.metrics:
            return False
        value = state.metrics[self.objective.selection]
        if math.isnan(value):
            return False
        sign = 1.0 if self.objective.higher_is_better else -1.0
        return state.best_value is None or sign * value > sign * state.best_value


def of_the_optimizer(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint's training state that belong to the optimiser."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith((LATEST, PREFIX))}


def step_seeds(seed: int, step: int, rank: int = 0) -> tuple[int, int]:
    """Return two independent 63-bit seeds for ``step`` of a run with ``seed``.

    The first, for dropout, differs between ranks; the second, for masks, is the same on all ranks.
    """
    dropout, masks = np.random.SeedSequence([seed, step]).generate_state(2, np.uint64)
    if rank:
        dropout = np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)[0]
    return int(dropout) >> 1, int(masks) >> 1
