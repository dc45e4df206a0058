"""A run loaded on a device, which reads, predicts and embeds rows.

Letters: n rows, m usable rows of a chunk, M latents, N positions, D width of a vector, T targets, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.checkpoints.store import undisturbed
from sma_core.config import FinetuneConfig, MaskingConfig, ModelConfig, PretrainConfig
from sma_core.config.layers import Layer, Values, resolve
from sma_core.config.training import Precision
from sma_core.data.batching.batches import Batch
from sma_core.devices.device import (
    FixedPrecision,
    autocast,
    choose_device,
    choose_precision,
    is_native,
    warn_of_emulation,
)
from sma_core.errors import CheckpointError, UserError
from sma_core.feeds.feed import Feed, feed_of
from sma_core.feeds.reading import RowReading
from sma_core.feeds.rows import MemoryRows, RowChunk
from sma_core.models.build import build_network, build_predictor, present, put_weights
from sma_core.models.vectors import BATCH_TOKENS, Embedder, Pooling
from sma_core.nn.model import SMA, Predictor
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import explain_missing_parts
from sma_core.runs.record import RunRecord
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.shipped_models import locate_model
from sma_core.training.finetuning.targets import Binary, Labels, Multiclass, Targets


@dataclass(frozen=True)
class RunContents:
    """The contents of a run's folder in memory: record, settings and weights."""

    path: Path
    record: RunRecord
    settings: Values
    weights: dict[str, Tensor]

    @classmethod
    def read(cls, path: Path, step: int | None = None, policy: PluginPolicy | None = None) -> RunContents:
        """Read the checkpoint of ``step``; None is the newest of a pre-trained run, the best of a fine-tuned run.

        ``path`` may also be the name of a shipped model. Raises `CheckpointError` when it is not a run, is
        damaged, or has no such checkpoint, `PluginError` when no such model ships.
        """
        path = locate_model(path, policy)
        run = RunFolder.open(path)
        record, checkpoints = run.record(), run.checkpoints

        def weights() -> dict[str, Tensor]:
            if step is not None:
                return checkpoints.at(step).model()
            checkpoint = checkpoints.best() if record.is_finetuned else checkpoints.latest()
            return present(checkpoint, run).model()

        return cls(path, record, run.config(), undisturbed(weights))

    def config(self) -> PretrainConfig | FinetuneConfig:
        """Return the typed settings of the run."""
        layer = Layer(str(self.path / "config.toml"), self.settings)
        if self.record.is_finetuned:
            return resolve(FinetuneConfig, [layer]).config
        return resolve(PretrainConfig, [layer]).config


@dataclass(frozen=True)
class LoadedRun:
    """A run of `train` or `finetune`, ready to use. Created by `sma_core.load`.

    Rows are read as in training: with the domain's check, the run's tokenizer or feature scale, and its length
    limit. Unusable rows give NaN; `check` returns the reasons. In fp32 the result for a row is independent of the
    other rows of its batch, up to rounding.
    """

    path: Path
    record: RunRecord
    config: PretrainConfig | FinetuneConfig
    reading: RowReading
    module: SMA | Predictor
    device: torch.device
    precision: FixedPrecision
    task_targets: Targets | None = None

    @classmethod
    def load(
        cls,
        path: Path,
        device: str = "auto",
        policy: PluginPolicy | None = None,
        precision: Precision | None = "fp32",
        step: int | None = None,
    ) -> LoadedRun:
        """Load a run from its folder; ``precision`` None is that of the training, if the device supports it.

        ``step`` is as in `RunContents.read`. Raises `CheckpointError` when ``path`` is not a run, is damaged, or
        has no checkpoint of ``step``, `PluginError` when the run's domain or tokenizer is not installed.
        """
        return cls.of(RunContents.read(path, step, policy), device, policy, precision)

    @classmethod
    def of(
        cls,
        contents: RunContents,
        device: str = "auto",
        policy: PluginPolicy | None = None,
        precision: Precision | None = "fp32",
    ) -> LoadedRun:
        """Build the network of a run from its contents."""
        record, config, targets = contents.record, contents.config(), contents.record.targets
        chosen = choose_device(device)
        with explain_missing_parts(contents.path, record, policy):
            registry = Registry.load(record.domain.name, policy)
            feed = feed_of(registry, config.data, record)
            module = _build(registry, config, feed, record, targets)
        put_weights(module, contents.weights, contents.path)
        return cls(
            path=contents.path,
            record=record,
            config=config,
            reading=RowReading(registry, feed, config.data, config.model),
            module=module.to(chosen).eval(),
            device=chosen,
            precision=_precision(precision, config, chosen),
            task_targets=targets,
        )

    @property
    def registry(self) -> Registry:
        """The plugins of the run's domain."""
        return self.reading.registry

    @property
    def feed(self) -> Feed:
        """Converts rows into the network's inputs."""
        return self.reading.feed

    @property
    def model(self) -> ModelConfig:
        """Settings of the network."""
        return self.config.model

    @property
    def masking(self) -> MaskingConfig | None:
        """Settings of the masking; None for a fine-tuned run."""
        return self.config.masking if isinstance(self.config, PretrainConfig) else None

    @property
    def domain(self) -> str:
        """Name of the domain whose rows it reads."""
        return self.registry.name

    @property
    def task(self) -> str | None:
        """The task that the run was fine-tuned on; None for a pre-trained run."""
        return self.record.task

    @property
    def kind(self) -> str | None:
        """Kind of the labels (``regression``, ``binary``, …); None for a pre-trained run."""
        return self.task_targets.kind if self.task_targets is not None else None

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the predicted targets; empty for a pre-trained run."""
        return self.task_targets.names if self.task_targets is not None else ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of `predict`'s columns; empty for other kinds of labels."""
        return self.task_targets.classes if isinstance(self.task_targets, Multiclass | Binary) else ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the features; empty for rows of text."""
        return self.feed.columns

    @property
    def layers(self) -> int:
        """The largest value of ``layer`` in `embed`."""
        return self.module.encoder.depth

    def with_windows(self, overlap: int) -> LoadedRun:
        """Return a run that reads rows longer than the model in windows that share at least ``overlap`` inputs.

        `predict` then returns the mean of the predictions of a row's windows, and `embed` the mean of their
        vectors; where each position has its own, those of the window in which it is further from the border.
        Raises `UserError` for an overlap that does not fit into the model, and for tables of numbers.
        """
        return replace(self, reading=self.reading.in_windows(overlap))

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Disable gradients and use the run's precision inside this context."""
        with torch.inference_mode(), autocast(self.device, self.precision):
            yield

    def batches(self, chunk: RowChunk, tokens: int) -> Iterator[tuple[NDArray[np.int64], Batch]]:
        """Yield batches of at most ``tokens`` padded inputs (at least one row), with the positions of their rows.

        A position is an index into the chunk's usable rows (m,), or into their windows. Rows of similar length
        share a batch.
        """
        assert chunk.inputs is not None, "the chunk was read on this rank"
        for places in of_similar_length(self.feed.padded_lengths(chunk.inputs), tokens):
            yield places, self.feed.batch(chunk.inputs, places, self.model.max_length).to(self.device)

    def needed_targets(self) -> Targets:
        """Return the run's targets.

        Raises `CheckpointError` for a pre-trained run, and for an old run whose labels of positions were learned
        from normal forms of rows, which may have other characters than the rows.
        """
        if self.task_targets is None:
            raise CheckpointError(
                f"{self.path} is a pre-trained run without a head: fine-tune it with sma finetune --model "
                f"{self.path}"
            )
        if self.config.data.normalise and self.task_targets.per_position:
            raise CheckpointError(
                f"{self.path} was fine-tuned on labels of positions with data.normalise on, which changed the "
                f"characters that the labels belong to: fine-tune it again with data.normalise=false"
            )
        return self.task_targets

    def check(self, rows: MemoryRows) -> list[str | None]:
        """Return for each row the reason why it is unusable, or None."""
        return [reason for chunk in self.reading.chunks_of(rows) for reason in chunk.reasons]

    def embed(
        self,
        rows: MemoryRows,
        pooling: Pooling = "mean",
        layer: int | None = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> NDArray[np.float32]:
        """Return the mean of each row's latents (n, D), or with ``pooling="latents"`` all of them (n, M, D).

        ``layer`` is as in `sma_core.embed`. Raises `UserError` when the encoder has no such vectors, and
        for ``pooling="inputs"``, whose number differs between rows: use `embed_inputs`.
        """
        if pooling == "inputs":
            raise UserError("the number of vectors differs between rows: use embed_inputs, which returns a list")
        embedder = Embedder(self, pooling, layer, batch_tokens)
        parts = [vectors.values for _, vectors in embedder.of_all(self.reading.chunks_of(rows))]
        shape = (self.model.latent_width,) if pooling == "mean" else (self.model.latents, self.model.latent_width)
        return np.concatenate([np.empty((0, *shape), dtype=np.float32), *parts])

    def embed_inputs(
        self, rows: MemoryRows, layer: int | None = None, batch_tokens: int = BATCH_TOKENS
    ) -> list[NDArray[np.float32]]:
        """Return for each row one vector per id or feature that the model reads (N, D).

        These are the vectors of `sma_core.embed` with ``pooling="inputs"``; unusable rows have none. Raises
        `UserError` when the run has no vectors of positions.
        """
        embedder = Embedder(self, "inputs", layer, batch_tokens)
        parts = embedder.of_all(self.reading.chunks_of(rows))
        return [row for _, vectors in parts for row in vectors.of_rows()]

    def predict(self, rows: MemoryRows, batch_tokens: int = BATCH_TOKENS) -> Labels:
        """Return values in the labels' units (n, T), or probabilities (n, T) or (n, C).

        For labels of positions: class indices (n, longest), NaN at ids where no character begins. Raises
        `CheckpointError` when the run was not fine-tuned.
        """
        from sma_core.models.ensemble import Ensemble

        self.needed_targets()
        return Ensemble((self,)).predict_rows(rows, batch_tokens)

    def predict_characters(self, rows: MemoryRows, batch_tokens: int = BATCH_TOKENS) -> list[Labels]:
        """Return for labels of positions the probabilities at each row's characters (characters, C).

        Unusable rows have none. Raises `CheckpointError` when the run was not fine-tuned, `UserError` when its
        labels belong to rows.
        """
        from sma_core.models.ensemble import Ensemble

        self.needed_targets()
        return Ensemble((self,)).predict_characters(rows, batch_tokens)


def of_similar_length(padded: NDArray[np.int64], tokens: int) -> Iterator[NDArray[np.int64]]:
    """Yield indices of rows that share a batch: shortest first, at most ``tokens`` padded inputs, or one row."""
    order = np.argsort(padded, kind="stable")
    begin = 0
    while begin < len(order):
        end = begin + 1
        while end < len(order) and int(padded[order[end]]) * (end + 1 - begin) <= tokens:
            end += 1
        yield order[begin:end]
        begin = end


def _build(
    registry: Registry,
    config: PretrainConfig | FinetuneConfig,
    feed: Feed,
    record: RunRecord,
    targets: Targets | None,
) -> SMA | Predictor:
    """Build the network of a run with newly initialised weights."""
    if targets is None or record.head is None or isinstance(config, PretrainConfig):
        return build_network(registry, config.model, feed.inputs)
    return build_predictor(registry, config, feed.inputs, record.head, targets)


def _precision(
    wanted: Precision | None, config: PretrainConfig | FinetuneConfig, device: torch.device
) -> FixedPrecision:
    """Resolve the precision; None is that of the training, if the device supports it natively."""
    if wanted is None:
        trained = config.training.precision
        return choose_precision(trained if trained == "auto" or is_native(trained, device) else "auto", device)
    chosen = choose_precision(wanted, device, "`precision`")
    warn_of_emulation(chosen, device, "use `precision=fp32`")
    return chosen
