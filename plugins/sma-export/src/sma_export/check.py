"""Compare an exported model with the run, on made-up rows of many sizes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import Predictor
from sma_core.training.finetuning.targets import PerPosition, Regression
from sma_export.formats import Run
from sma_export.network import example_rows

SIZES = ((1, 2), (1, 9), (3, 17), (8, 64), (5, 1 << 20))
"""Rows and lengths of the batches, the last the longest that the model reads."""


@dataclass(frozen=True)
class Comparison:
    """The largest difference of results over ``rows`` rows, absolute and as a share of the largest result.

    Of several targets with units of their own, the share is of the largest result of the same target.
    """

    rows: int
    difference: float
    share: float


def compared(exported: Run, run: LoadedRun, vectors: bool = False) -> Comparison:
    """Run an exported model and the run itself on the same rows."""
    differences, largest, count = [], [], 0
    for seed, (rows, length) in enumerate(SIZES):
        arguments = example_rows(run, rows, length, seed)
        expected, results = own_results(run, arguments, vectors), exported(arguments)
        apart = np.where(np.isfinite(expected), np.abs(results - expected), 0.0)
        differences.append(_largest(np.where(np.isfinite(apart), apart, np.inf)))
        largest.append(_largest(np.nan_to_num(np.abs(expected))))
        count += rows
    difference, size = np.max(differences, axis=0), np.max(largest, axis=0)  # of each column
    if vectors or not isinstance(run.task_targets, Regression):
        difference, size = difference.max(keepdims=True), size.max(keepdims=True)
    return Comparison(count, float(difference.max()), float((difference / np.maximum(size, 1e-12)).max()))


def _largest(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the largest value of each column, the last axis."""
    largest: NDArray[np.float64] = values.reshape(-1, values.shape[-1]).max(axis=0)
    return largest


def own_results(run: LoadedRun, arguments: tuple[Tensor, ...], vectors: bool = False) -> NDArray[np.float64]:
    """Return the run's own results for arguments of its exported network; NaN where a position is padding."""
    if not isinstance(run.feed, TextFeed):
        values, *lengths = (argument.numpy() for argument in arguments)
        rows = [row[:length] for row, length in zip(values, *lengths, strict=True)] if lengths else values
        embedded = vectors or run.task_targets is None
        with _without_warnings():  # of how these rows differ from the training rows
            return np.asarray(run.embed(rows) if embedded else run.predict(rows), dtype=np.float64)
    ids = arguments[0]
    padding_mask = ids != run.feed.tokenizer.pad_id
    with run.computing():
        targets = run.task_targets
        if targets is None or vectors:
            encoded = run.module.encode(ids, padding_mask)
            latents = encoded if isinstance(encoded, Latents) else encoded.latents
            return np.asarray(mean_latents(latents).double().numpy())
        assert isinstance(run.module, Predictor), "the run is fine-tuned"
        outputs = run.module(ids, padding_mask)
        if isinstance(targets, PerPosition):
            probabilities = targets.probabilities(outputs)
            probabilities[~padding_mask.numpy()] = np.nan
            return probabilities
        return np.asarray(targets.predictions(outputs))


@contextmanager
def _without_warnings() -> Iterator[None]:
    logger = logging.getLogger("sma")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
