"""The pre-training objective: reconstruct masked positions (method, steps 2 to 7)."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from sma_core.config import MaskingConfig
from sma_core.data.batching.batches import Batch
from sma_core.devices.parallel import unsharded
from sma_core.devices.ranks import Ranks
from sma_core.nn.guidance.collapse import (
    DRAWS,
    GROUPS,
    collapse_measures,
    collapse_sentence,
    group_counts,
    times_hidden,
)
from sma_core.nn.guidance.constant_latents import constant_latents, constant_sentence
from sma_core.nn.guidance.counts import randomness_at
from sma_core.nn.guidance.measures import measure_mask
from sma_core.nn.masking import MaskNoise, draw_noise
from sma_core.nn.model import SMA
from sma_core.nn.strategies.by_average import ByAverage
from sma_core.nn.strategies.choosing import built_in_strategy
from sma_core.nn.strategies.protocol import Strategy
from sma_core.nn.strategies.random import Random
from sma_core.plugins.events import MaskExample
from sma_core.training.rising_loss import rising_loss

logger = logging.getLogger(__name__)

HELD_OUT_SEED = 20_240_116
"""Seed of the masks on held-out rows, the same for all runs so that their curves can be compared."""

EXAMPLES = 3
"""Held-out rows whose masks observers are told, of at most `LONGEST_EXAMPLE` positions each."""
LONGEST_EXAMPLE = 4096


class PretrainObjective:
    """Masked reconstruction loss, and two held-out losses with fixed random numbers.

    ``held_out_loss`` uses the strategy of training: guided masks become harder as the attention sharpens, so it
    can rise while the model learns. ``held_out_random_loss`` uses random masks, the same at every step and for
    every strategy: it is comparable between runs, and selects the best checkpoint. ``mask_overlap``,
    ``mask_change`` and ``mask_entropy`` measure the guidance on the same rows, for any strategy: see
    `sma_core.nn.guidance.measures`; ``mask_never_hidden`` and ``mask_explained`` measure whether the masks of the
    strategy have collapsed: see `sma_core.nn.guidance.collapse`. ``steps`` is the number of steps of the whole
    training, for annealing; held-out masks are not annealed. ``strategy`` defaults to the built-in one of
    ``masking``.
    ``average`` is the averaged model that ``masking.guide`` may name.
    """

    selection = "held_out_random_loss"
    higher_is_better = False

    def __init__(
        self,
        module: SMA,
        masking: MaskingConfig,
        held_out: Sequence[Batch],
        steps: int = 1,
        compiled: bool = False,
        strategy: Strategy | None = None,
        average: SMA | None = None,
    ) -> None:
        self.module = module
        self._strategy = strategy or built_in_strategy(masking)
        self._training_strategy = self._strategy
        if average is not None and masking.guide == "average":
            self._training_strategy = ByAverage(self._strategy, average)
        self.forward: nn.Module = module
        if compiled:
            self.forward = cast("nn.Module", torch.compile(module))
        self._masking = masking
        self._held_out_masking = masking.model_copy(update={"anneal": None})
        self._held_out = held_out
        self._steps = steps
        self._done = 0
        self.examples: tuple[MaskExample, ...] = ()
        self._random_losses: list[tuple[int, float]] = []
        self._warned: set[str] = set()

    def loss(self, batch: Batch, generator: torch.Generator, step: int) -> tuple[Tensor, Tensor]:
        """Return the mean loss over the scored positions of ``batch`` at ``step`` and their number."""
        self._done = step + 1
        noise = self._noise(batch, generator, randomness_at(step, self._steps, self._masking))
        arguments = (batch.inputs, batch.padding_mask, self._masking, noise, self._training_strategy)
        result = self.forward(*arguments, complete=batch.complete)
        return result.loss, result.scored

    def evaluate(self, ranks: Ranks) -> dict[str, float]:
        """Return both mean losses over the held-out rows and the guidance measures."""
        with unsharded(self.module):
            return self._evaluate(ranks)

    def _evaluate(self, ranks: Ranks) -> dict[str, float]:
        masking = self._held_out_masking
        loss = random_loss = self._held_out_loss(masking, self._strategy, ranks)
        if not isinstance(self._strategy, Random) or masking.reconstruct != "hidden":
            random_masking = masking.model_copy(update={"strategy": "random", "reconstruct": "hidden"})
            random_loss = self._held_out_loss(random_masking, built_in_strategy(random_masking), ranks)
        measures = self._measures(ranks) | self._collapse(ranks)
        self._random_losses.append((self._done, random_loss))
        self._warn(measures, ranks)
        return {"held_out_loss": loss, "held_out_random_loss": random_loss, **measures}

    def _warn(self, measures: dict[str, float], ranks: Ranks) -> None:
        """Warn once of each finding, after a tenth of the steps and before the last, whose `sma train` prints."""
        if not self._steps / 10 <= self._done < self._steps:
            return
        sentences = {
            "collapse": collapse_sentence(measures, self._masking.ratio),
            "latents": constant_sentence(*self._constant_latents()),
            "loss": rising_loss(self._random_losses),
        }
        for finding, sentence in sentences.items():
            if sentence is not None and finding not in self._warned and ranks.first:
                logger.warning("%s", sentence)
                self._warned.add(finding)

    def constant_latents(self) -> tuple[int, int]:
        """Return the numbers of constant latents on held-out rows, and of all latents."""
        with unsharded(self.module), torch.inference_mode():
            return self._constant_latents()

    def _constant_latents(self) -> tuple[int, int]:
        if not self._held_out:
            return 0, 1
        batch = self._held_out[0].to(next(self.module.parameters()).device)
        return constant_latents(self.module, batch.inputs, batch.padding_mask)

    def _collapse(self, ranks: Ranks) -> dict[str, float]:
        """Return the measures of collapse of the strategy's own masks."""
        if not self._strategy.hides:
            return {}
        device = next(self.module.parameters()).device
        counts = torch.zeros(3, GROUPS, dtype=torch.float64, device=device)
        for index, batch in self._rank_batches(ranks):
            generator = torch.Generator(device).manual_seed(HELD_OUT_SEED + index)
            device_batch = batch.to(device)
            noises = [self._noise(device_batch, generator) for _ in range(DRAWS)]
            arguments = (device_batch.inputs, device_batch.padding_mask, self._held_out_masking, noises)
            times, real = times_hidden(self.module, *arguments, self._strategy)
            counts += group_counts(device_batch.inputs, times, real)
            if index == 0:
                self.examples = _examples(batch, times)
        return collapse_measures(ranks.total(counts))

    def _measures(self, ranks: Ranks) -> dict[str, float]:
        device = next(self.module.parameters()).device
        guided = self._held_out_masking.model_copy(update={"strategy": "guided", "reconstruct": "hidden"})
        sums = torch.zeros(2, 3, dtype=torch.float64)  # sum of each measure, and number of defined values
        for index, batch in self._rank_batches(ranks):
            generator = torch.Generator(device).manual_seed(HELD_OUT_SEED + index)
            device_batch = batch.to(device)
            noises = (self._noise(device_batch, generator), self._noise(device_batch, generator))
            measures = measure_mask(self.module, device_batch.inputs, device_batch.padding_mask, guided, noises)
            rows = torch.stack(measures).double().cpu()  # (3, B)
            sums += torch.stack((rows.nansum(dim=1), (~rows.isnan()).sum(dim=1)))
        totals, counts = ranks.total(sums).tolist()
        names = ("mask_overlap", "mask_change", "mask_entropy")
        return {name: total / count for name, total, count in zip(names, totals, counts, strict=True) if count}

    def _rank_batches(self, ranks: Ranks) -> list[tuple[int, Batch]]:
        """Return this rank's held-out batches with their indices."""
        return list(enumerate(self._held_out))[ranks.rank :: ranks.size]

    def _held_out_loss(self, masking: MaskingConfig, strategy: Strategy, ranks: Ranks) -> float:
        device = next(self.module.parameters()).device
        sums = torch.zeros(2, dtype=torch.float64)  # sum of losses, and number of scored positions
        for index, batch in self._rank_batches(ranks):
            generator = torch.Generator(device).manual_seed(HELD_OUT_SEED + index)
            device_batch = batch.to(device)
            noise = self._noise(device_batch, generator)
            arguments = (device_batch.inputs, device_batch.padding_mask, masking, noise, strategy)
            result = self.module(*arguments, complete=batch.complete)
            loss, scored = float(result.loss), float(result.scored)
            sums += torch.tensor([loss * scored, scored], dtype=torch.float64)
        total, count = ranks.total(sums).tolist()
        return float(total / count) if count else math.nan

    def _noise(self, batch: Batch, generator: torch.Generator, randomness: float = 0.0) -> MaskNoise:
        """Draw the noise of the whole batch and take this rank's rows, so that masks equal those of one rank."""
        length = batch.padding_mask.shape[1]
        queries = self.module.encoder.query_count(length)
        noise = draw_noise(batch.total, queries, length, generator, batch.inputs.device, randomness)
        if batch.share is None:
            return noise
        rows = batch.share.indices
        return noise._replace(
            queries=noise.queries[rows], positions=noise.positions[rows], heads=noise.heads[rows]
        )


def _examples(batch: Batch, times: Tensor) -> tuple[MaskExample, ...]:
    """Return how often ``times`` (B, N) the positions of the first rows of a batch are hidden."""
    lengths = batch.padding_mask.sum(dim=1).tolist()
    return tuple(
        MaskExample(int(row), tuple(int(count) for count in row_times[:length]), DRAWS)
        for row, row_times, length in zip(batch.rows[:EXAMPLES], times[:EXAMPLES].tolist(), lengths, strict=False)
        if length <= LONGEST_EXAMPLE
    )


def sample_rows(rows: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return at most ``most`` row indices, drawn with a fixed seed, in ascending order."""
    order = np.random.default_rng(HELD_OUT_SEED).permutation(rows)
    return np.sort(order[:most]).astype(np.int64)
