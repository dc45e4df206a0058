"""A run as one network from rows to results: padding, feature scale and units of labels are part of it.

Letters: B rows, N padded length, F features, C channels, T targets, K classes, D width of a vector.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sma_core.data.scaling import FeatureScale
from sma_core.errors import UserError
from sma_core.feeds.text import TextFeed
from sma_core.feeds.values import ValueFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.heads import mean_latents
from sma_core.nn.model import SMA, Predictor
from sma_core.training.finetuning.targets import Multiclass, Regression, Targets

MOST_ROWS = 1 << 16
"""Largest batch."""
Shapes = dict[str, dict[int, Any]]


class Results(nn.Module):
    """Results of inputs (B, N) or (B, N, C) with a padding mask (B, N).

    Of a fine-tuned run: values in the labels' units (B, T), or probabilities (B, T), (B, K), or of positions
    (B, N, K). Of a pre-trained run, or with ``vectors``: the mean vector of each row (B, D). All float32.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, module: SMA | Predictor, targets: Targets | None) -> None:
        super().__init__()
        self.embed, self.encoder = module.embed, module.encoder
        self.predictor = module if isinstance(module, Predictor) and targets is not None else None
        self.kind = "vectors" if targets is None else "values" if isinstance(targets, Regression) else "classes"
        self.exclusive = isinstance(targets, Multiclass)
        if isinstance(targets, Regression):
            self.register_buffer("mean", torch.tensor(targets.mean, dtype=torch.float64))
            self.register_buffer("spread", torch.tensor(targets.spread, dtype=torch.float64))

    def forward(self, inputs: Tensor, padding_mask: Tensor) -> Tensor:
        """Return the results of a batch."""
        if self.predictor is None:
            latents: Latents = self.encoder(self.embed(inputs), padding_mask)
            return mean_latents(latents)
        outputs: Tensor = self.predictor(inputs, padding_mask)
        if self.kind == "values":
            return (outputs.double() * self.spread + self.mean).float()
        return torch.softmax(outputs, dim=-1) if self.exclusive else torch.sigmoid(outputs)


class FromText(nn.Module):
    """Results of ids (B, N) int64, whose rows end with the separator and are padded with ``pad_id``."""

    def __init__(self, results: Results, pad_id: int) -> None:
        super().__init__()
        self.results = results
        self.pad_id = pad_id

    def forward(self, ids: Tensor) -> Tensor:
        """Return the results of a batch."""
        results: Tensor = self.results(ids, ids != self.pad_id)
        return results


class Scaled(nn.Module):
    """Standardises numbers (…, C) float32 as the training rows were; missing ones stay NaN."""

    mean: Tensor
    spread: Tensor
    log: Tensor
    asinh: Tensor

    def __init__(self, scale: FeatureScale) -> None:
        super().__init__()
        functions = dict(scale.transforms)
        self.transformed = bool(functions)
        self.register_buffer("mean", torch.tensor(scale.mean, dtype=torch.float64))
        self.register_buffer("spread", torch.tensor(scale.spread, dtype=torch.float64))
        for function in ("log", "asinh"):
            chosen = [functions.get(name) == function for name in scale.columns]
            self.register_buffer(function, torch.tensor(chosen, dtype=torch.bool))

    def forward(self, values: Tensor) -> Tensor:
        """Return standardised numbers float32 of the same shape."""
        numbers = values.double()
        if self.transformed:
            size = numbers.abs()
            asinh = torch.sign(numbers) * torch.log(size + torch.sqrt(size * size + 1.0))
            numbers = torch.where(self.log, torch.log(numbers.clamp(min=1e-300)), numbers)
            numbers = torch.where(self.asinh, asinh, numbers)
        return ((numbers - self.mean) / self.spread).float()


class FromTable(nn.Module):
    """Results of rows of numbers (B, F) float32, in their own units, NaN where missing."""

    def __init__(self, results: Results, scale: FeatureScale) -> None:
        super().__init__()
        self.results = results
        self.scaled = Scaled(scale)

    def forward(self, values: Tensor) -> Tensor:
        """Return the results of a batch."""
        padding_mask = torch.ones_like(values, dtype=torch.bool)
        results: Tensor = self.results(self.scaled(values)[:, :, None], padding_mask)  # (B, F, 1)
        return results


class FromSequences(nn.Module):
    """Results of sequences of vectors (B, N, C) float32 in their own units, with lengths (B,) int64."""

    def __init__(self, results: Results, scale: FeatureScale) -> None:
        super().__init__()
        self.results = results
        self.scaled = Scaled(scale)

    def forward(self, values: Tensor, lengths: Tensor) -> Tensor:
        """Return the results of a batch; numbers beyond a row's length are not read."""
        padding_mask = torch.arange(values.shape[1], device=values.device)[None, :] < lengths[:, None]
        scaled = self.scaled(torch.where(padding_mask[:, :, None], values, 0.0))
        results: Tensor = self.results(scaled, padding_mask)
        return results


def exported_network(run: LoadedRun, vectors: bool = False) -> nn.Module:
    """Return the network of a run from rows to results; with ``vectors``, of a fine-tuned run its mean vectors.

    Raises `UserError` for rows that only the run's own code can read.
    """
    targets = None if vectors else run.task_targets
    results = Results(run.module.eval(), targets)
    feed = run.feed
    if isinstance(feed, TextFeed):
        return FromText(results, feed.tokenizer.pad_id).eval()
    if not isinstance(feed, ValueFeed):
        raise UserError(f"{run.path} reads rows that only its own code can read")
    kind = FromSequences if run.record.sequences else FromTable
    return kind(results, feed.known_scale).eval()


def dynamic_shapes(run: LoadedRun) -> Shapes:
    """Return which axes of the arguments of `exported_network` may have any size.

    These are rows, and unless positions lie on a grid, the length, up to the model's.
    """
    rows = torch.export.Dim("rows", min=1, max=MOST_ROWS)
    if run.features and not run.record.sequences:
        return {"values": {0: rows}}
    shape: dict[int, Any] = {0: rows}
    if not run.model.grid:
        shape[1] = torch.export.Dim("length", min=2, max=run.model.max_length)
    return {"values": shape, "lengths": {0: rows}} if run.features else {"ids": shape}


def example_rows(run: LoadedRun, rows: int, length: int, seed: int = 0) -> tuple[Tensor, ...]:
    """Return made-up arguments of `exported_network`: rows of different lengths up to ``length``, some missing."""
    draw = np.random.default_rng(seed)
    length = run.model.max_length if run.model.grid else max(2, min(length, run.model.max_length))
    lengths = np.sort(draw.integers(2, length + 1, size=rows))[::-1].copy()
    lengths[0] = length
    if isinstance(run.feed, TextFeed):
        return (torch.from_numpy(_ids(run.feed, lengths, draw)),)
    assert isinstance(run.feed, ValueFeed), "checked by exported_network"
    scale = run.feed.known_scale
    count = length if run.record.sequences else len(scale.columns)
    numbers = draw.normal(size=(rows, count, len(scale.mean) if run.record.sequences else 1))
    values = _in_units(scale, numbers if run.record.sequences else numbers[:, :, 0])
    if run.feed.inputs.missing:
        values[draw.random(values.shape) < 0.1] = np.nan
    if not run.record.sequences:
        return (torch.from_numpy(values),)
    if run.model.grid:
        lengths[:] = length
    return torch.from_numpy(values), torch.from_numpy(lengths.astype(np.int64))


def _ids(feed: TextFeed, lengths: NDArray[Any], draw: np.random.Generator) -> NDArray[Any]:
    """Return ids (B, N) of random symbols, each row with the separator at its end."""
    tokenizer = feed.tokenizer
    special = {tokenizer.pad_id, tokenizer.separator_id, tokenizer.mask_id}
    usable = np.array([symbol for symbol in range(tokenizer.vocabulary_size) if symbol not in special])
    ids = draw.choice(usable, size=(len(lengths), int(lengths[0])))
    places = np.arange(ids.shape[1])[None, :]
    ids[places == lengths[:, None] - 1] = tokenizer.separator_id
    ids[places >= lengths[:, None]] = tokenizer.pad_id
    return ids.astype(np.int64)


def _in_units(scale: FeatureScale, numbers: NDArray[Any]) -> NDArray[Any]:
    """Return standard normal ``numbers`` (…, F) in the units of the features."""
    values: NDArray[Any] = numbers * np.asarray(scale.spread) + np.asarray(scale.mean)
    for name, function in scale.transforms:
        index = scale.columns.index(name)
        values[..., index] = np.exp(values[..., index]) if function == "log" else np.sinh(values[..., index])
    return values.astype(np.float32)
