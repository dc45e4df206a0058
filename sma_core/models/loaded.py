"""`load`: a run in memory, for rows that are in memory too.

Letters: n rows, M latents, N positions, D width of a vector, T targets, C classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.config.models import Precision
from sma_core.errors import CheckpointError
from sma_core.models.encoders import BATCH_TOKENS, EncoderModel
from sma_core.models.predictors import PredictorModel
from sma_core.models.vectors import Featurizing, Pooling, Vectors
from sma_core.plugins.discovery import PluginPolicy
from sma_core.sources.row_reading import RowChunk
from sma_core.training.targets import Multiclass

Rows = Sequence[str] | NDArray[Any]
"""A list of texts, or numbers (n, F) where the model reads numbers; NaN is a missing value."""


@dataclass(frozen=True)
class LoadedRun:
    """A run, ready to use. Made by `load`.

    Rows that cannot be used have NaN; `check` says why. They are read as the verbs read a file's rows, with the
    domain's check, the run's tokenizer or scale, and its rule for rows that are too long.
    """

    encoder: EncoderModel
    predictor: PredictorModel | None

    @classmethod
    def of(cls, encoder: EncoderModel) -> LoadedRun:
        """Take a run whose network was built; one that was fine-tuned predicts too."""
        return cls(encoder, PredictorModel((encoder,), encoder.targets) if encoder.targets is not None else None)

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.encoder.path

    @property
    def domain(self) -> str:
        """Name of the domain whose rows it reads."""
        return self.encoder.domain

    @property
    def task(self) -> str | None:
        """What it was fine-tuned on; None for a pre-trained run."""
        return self.encoder.task

    @property
    def kind(self) -> str | None:
        """What its labels are (``regression``, ``binary``, …); None for a pre-trained run."""
        return self.encoder.targets.kind if self.encoder.targets is not None else None

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what it predicts; empty for a pre-trained run."""
        return self.encoder.targets.names if self.encoder.targets is not None else ()

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of `predict`'s columns; empty where labels are no names."""
        targets = self.encoder.targets
        return targets.classes if isinstance(targets, Multiclass) else ()

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the numbers that a row has; empty where rows are texts."""
        scale = self.encoder.reading.feed.scale
        return scale.columns if scale is not None else ()

    @property
    def layers(self) -> int:
        """The largest layer that `embed` can be asked for."""
        return self.encoder.module.encoder.depth

    def check(self, rows: Rows) -> list[str | None]:
        """Say of each row why it cannot be used; None where it can."""
        return [reason for chunk in self._chunks(rows) for reason in chunk.reasons]

    def embed(
        self,
        rows: Rows,
        pooling: Pooling = "mean",
        layer: int | None = None,
        batch_tokens: int = BATCH_TOKENS,
    ) -> NDArray[np.float32]:
        """Return the mean of each row's latents (n, D), or with ``pooling="latents"`` all of them (n, M, D).

        ``layer`` as in `sma_core.embed`. Raises `UserError` when the encoder has no such vectors, or each row has
        another number of them, which `embed_inputs` gives.
        """
        featurizing = Featurizing(self.encoder, pooling, layer, batch_tokens)
        found = [vectors.values for vectors in self._vectors(rows, featurizing)]
        model = self.encoder.model
        shape = (model.latent_width,) if pooling == "mean" else (model.latents, model.latent_width)
        return np.concatenate([np.empty((0, *shape), dtype=np.float32), *found])

    def embed_inputs(
        self, rows: Rows, layer: int | None = None, batch_tokens: int = BATCH_TOKENS
    ) -> list[NDArray[np.float32]]:
        """Return for each row a vector for every id or feature that the model reads (N, D).

        They are those of `sma_core.embed` with ``inputs``; a row that cannot be used has none. Raises `UserError`
        when the run has no vectors of positions.
        """
        featurizing = Featurizing(self.encoder, "inputs", layer, batch_tokens)
        return [each for vectors in self._vectors(rows, featurizing) for each in vectors.of_each()]

    def predict(self, rows: Rows, batch_tokens: int = BATCH_TOKENS) -> NDArray[np.float64]:
        """Return values in the labels' units (n, T), or probabilities (n, T) or (n, C).

        Where every position has a label: indices of classes (n, longest), NaN where no character begins. Raises
        `CheckpointError` when the run was not fine-tuned.
        """
        if self.predictor is None:
            raise CheckpointError(
                f"{self.path} is a pre-trained run without a head: teach it a task with sma finetune --model "
                f"{self.path}"
            )
        parts = []
        for chunk in self._chunks(rows):
            found = self.predictor.predict(chunk, batch_tokens).values
            part = np.full((len(chunk.numbers), found.shape[1]), np.nan)
            part[chunk.usable] = found
            parts.append(part)
        width = max((part.shape[1] for part in parts), default=self.predictor.targets.outputs)
        return np.concatenate([np.empty((0, width)), *(_widened(part, width) for part in parts)])

    def _chunks(self, rows: Rows) -> Iterator[RowChunk]:
        return self.encoder.reading.chunks_of(rows)

    def _vectors(self, rows: Rows, featurizing: Featurizing) -> Iterator[Vectors]:
        for chunk in self._chunks(rows):
            for _, vectors in featurizing.chunks(chunk):
                yield vectors


def load(
    run: str | Path,
    *,
    device: str = "auto",
    precision: Precision = "fp32",
    policy: PluginPolicy | None = None,
) -> LoadedRun:
    """Load a run of `train` or `finetune`.

    ``precision`` as in `sma_core.embed`.

    Raises:
        CheckpointError: ``run`` is no run folder, or is damaged.
        PluginError: The domain, or the tokenizer that the run was made with, is not installed.
    """
    return LoadedRun.of(EncoderModel.load(Path(run), device, policy, precision))


def _widened(part: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Fill rows up to a common number of positions with NaN."""
    return np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=np.nan)
