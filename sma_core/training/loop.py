"""The training loop: steps, evaluations, checkpoints, and going on exactly where a run stopped.

All randomness of a step (dropout, masks) is drawn from seeds made of the run's seed and the step, so
the state to save is small: weights, optimiser, position in the data, and the loss since the last log.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from sma_core.config import TrainingConfig
from sma_core.data.batches import Batch
from sma_core.errors import CheckpointError, StoppedOnRequest, UserError
from sma_core.plugins.events import CheckpointSaved, Evaluated, RunFinished, RunStarted, StepLogged
from sma_core.training.checkpoints import Checkpoint, CheckpointStore
from sma_core.training.device import FixedPrecision, autocast
from sma_core.training.observers import Observers
from sma_core.training.optimizer import (
    build_optimizer,
    learning_rate,
    load_optimizer_tensors,
    optimizer_tensors,
    set_learning_rate,
)
from sma_core.training.signals import StopRequest
from sma_core.training.stream import BatchSource, BatchStream


class Objective(Protocol):
    """What is learned: a module, its loss on a batch, and figures on rows kept apart."""

    @property
    def module(self) -> nn.Module:
        """The parameters that are trained."""
        ...

    @property
    def selection(self) -> str:
        """Name of the figure that picks the best checkpoint."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """Whether a larger figure is the better one."""
        ...

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> Tensor:
        """Return the scalar loss at ``step``, counted from 0; whatever is drawn comes from ``generator``."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Return figures on rows kept apart, ``selection`` among them."""
        ...


@dataclass
class TrainingState:
    """What a checkpoint's ``state.json`` holds besides tensors."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    elapsed: float = 0.0
    window_loss: float = 0.0
    window_batches: int = 0
    best_step: int | None = None
    best_value: float | None = None
    waited: int = 0
    """Evaluations after the first step since the last one that was better than the best checkpoint."""
    metrics: dict[str, float] | None = None
    scaler: dict[str, Any] | None = None


class Trainer:
    """Runs ``steps`` optimiser steps of ``objective`` over ``source``, from wherever the run stands.

    ``rates`` are shares of the learning rate by parameter name. With ``patience`` training is over after so many
    evaluations in a row without a better figure.
    """

    def __init__(
        self,
        objective: Objective,
        source: BatchSource,
        config: TrainingConfig,
        steps: int,
        store: CheckpointStore,
        device: torch.device,
        precision: FixedPrecision,
        observers: Observers | None = None,
        *,
        rates: Mapping[str, float] | None = None,
        patience: int | None = None,
    ) -> None:
        self.objective, self.config, self.steps, self.store = objective, config, steps, store
        self.device, self.precision = device, precision
        self._emit = observers if observers is not None else Observers()
        self._run = store.folder.parent
        self.module = objective.module.to(device)
        self.optimizer = build_optimizer(self.module, config, rates)
        self.patience = patience
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self.state = TrainingState()
        self.stream = BatchStream(source)
        self._window = torch.zeros((), device=device)
        self._evaluated_step: int | None = None
        self._samples = 0
        self._clock = time.monotonic()
        self._log_clock = self._clock

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take up weights, optimiser and position of ``checkpoint``; raises `CheckpointError` on a misfit."""
        try:
            self.module.load_state_dict(checkpoint.model())
        except RuntimeError as error:
            raise CheckpointError(f"{checkpoint.folder} does not fit this model: {error}") from error
        load_optimizer_tensors(self.optimizer, self.module, checkpoint.training())
        names = TrainingState.__dataclass_fields__
        self.state = TrainingState(**{name: value for name, value in checkpoint.state.items() if name in names})
        self.stream.epoch, self.stream.index = self.state.epoch, self.state.batch
        self._window = torch.tensor(self.state.window_loss, device=self.device)
        if self.state.scaler:
            self.scaler.load_state_dict(self.state.scaler)

    @property
    def stopped_early(self) -> bool:
        """Whether training is over before the last step because nothing got better."""
        return self.state.step < self.steps and self.patience is not None and self.state.waited >= self.patience

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.state.step >= self.steps or self.stopped_early

    def run(self) -> TrainingState:
        """Train to the last step. Raises `StoppedOnRequest` after saving when a signal asked for it."""
        self._clock = time.monotonic() - self.state.elapsed
        self._log_clock, self._samples = time.monotonic(), 0
        parameters = sum(parameter.numel() for parameter in self.module.parameters())
        self._emit(
            RunStarted(
                self._run,
                self.state.step,
                self.steps,
                parameters,
                str(self.device),
                self.precision,
            )
        )
        cuda = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=cuda), StopRequest() as stop:
            if self.state.step == 0:
                self._evaluate()
            while not self.finished and not stop.requested:
                self._step()
                self._after_step()
            stopped = not self.finished
            if self.state.step < self.steps and self.state.step not in self.store.steps():
                self._save()
        self._emit(RunFinished(self._run, self.state.step, stopped, self.stopped_early))
        if stopped:
            raise StoppedOnRequest(
                f"stopped at step {self.state.step} of {self.steps} as asked; its checkpoint is saved"
            )
        return self.state

    def _step(self) -> None:
        """Make one optimiser step out of ``accumulate`` batches."""
        step = self.state.step + 1
        seeds = step_seeds(self.config.seed, step)
        torch.manual_seed(seeds[0])
        generator = torch.Generator(self.device).manual_seed(seeds[1])
        self.module.train()
        total = torch.zeros((), device=self.device)
        for _ in range(self.config.accumulate):
            batch = self.stream.next().to(self.device)
            with autocast(self.device, self.precision):
                loss = self.objective.loss(batch, generator, step - 1)
            self.scaler.scale(loss / self.config.accumulate).backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
            self._samples += len(batch)
        self.scaler.unscale_(self.optimizer)
        if self.config.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.config.clip_norm)
        set_learning_rate(self.optimizer, learning_rate(step, self.steps, self.config))
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self._window = self._window + total
        self.state.window_batches += self.config.accumulate
        self.state.step = step
        self.state.epoch, self.state.batch = self.stream.epoch, self.stream.index

    def _after_step(self) -> None:
        """Log, evaluate and save when their turn has come."""
        step, config = self.state.step, self.config
        last = step == self.steps
        if last or step % config.log_every == 0:
            self._log()
        if last or step % config.evaluate_every == 0 or step % config.checkpoint_every == 0:
            self._evaluate()
        if last or step % config.checkpoint_every == 0:
            self._save()

    def _log(self) -> None:
        state = self.state
        loss = float(self._window) / max(state.window_batches, 1)
        now = time.monotonic()
        rate = self._samples / max(now - self._log_clock, 1e-9)
        state.elapsed = now - self._clock
        state.window_batches = 0
        self._window = torch.zeros((), device=self.device)
        self._samples, self._log_clock = 0, now
        lr = learning_rate(state.step, self.steps, self.config)
        self._emit(
            StepLogged(self._run, state.step, self.steps, self.stream.passed, loss, lr, rate, state.elapsed)
        )
        self._refuse_non_finite(loss)

    def _refuse_non_finite(self, loss: float) -> None:
        """Raise `UserError` rather than train on, or save, weights that are lost."""
        if not math.isfinite(loss):
            raise UserError(
                f"the loss became {loss} at step {self.state.step}; the last checkpoint is kept: "
                "start again with a lower --set training.learning_rate, or --set training.precision=fp32"
            )

    def _evaluate(self) -> None:
        """Take figures on rows kept apart; the time it takes does not count in samples per second."""
        began = time.monotonic()
        self.module.eval()
        with torch.inference_mode(), autocast(self.device, self.precision):
            metrics = self.objective.evaluate()
        self._log_clock += time.monotonic() - began
        self.state.elapsed = time.monotonic() - self._clock
        self.state.metrics = metrics
        self._evaluated_step = self.state.step
        if self.state.step:
            self.state.waited = 0 if self._is_best() else self.state.waited + 1
        self._emit(Evaluated(self._run, self.state.step, self.state.elapsed, metrics))

    def _save(self) -> None:
        """Publish a checkpoint, mark it when it is the best, and drop what need not be kept."""
        began = time.monotonic()
        state = self.state
        state.window_loss = float(self._window)
        self._refuse_non_finite(state.window_loss)
        best = self._is_best()
        if best and state.metrics:
            state.best_step, state.best_value = state.step, state.metrics[self.objective.selection]
        state.elapsed = began - self._clock
        state.scaler = self.scaler.state_dict() if self.scaler.is_enabled() else None
        folder = self.store.save(
            state.step,
            self.module.state_dict(),
            optimizer_tensors(self.optimizer, self.module),
            asdict(state),
        )
        self.store.prune(self.config.keep_last, state.best_step)
        self._log_clock += time.monotonic() - began
        self._emit(CheckpointSaved(self._run, state.step, folder, best))

    def _is_best(self) -> bool:
        """Whether this step was evaluated and no saved one is better."""
        state = self.state
        if self._evaluated_step != state.step or not state.metrics:
            return False
        value = state.metrics[self.objective.selection]
        if math.isnan(value):
            return False
        sign = 1.0 if self.objective.higher_is_better else -1.0
        return state.best_value is None or sign * value > sign * state.best_value


def step_seeds(seed: int, step: int) -> tuple[int, int]:
    """Return two independent 63-bit seeds for step ``step`` of a run seeded ``seed``."""
    first, second = np.random.SeedSequence([seed, step]).generate_state(2, np.uint64)
    return int(first) >> 1, int(second) >> 1
