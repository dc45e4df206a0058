"""`SMAFeaturizer`: a run's vectors as a step of a scikit-learn pipeline; and the base of all estimators.

Letters: n rows, F features, D width of a vector, M latents.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from sma_core.errors import UserError
from sma_core.feeds.rows import MemoryRows
from sma_core.models.loaded_run import LoadedRun, RunContents
from sma_core.models.vectors import BATCH_TOKENS, Pooling


class RunEstimator(BaseEstimator):  # type: ignore[misc]
    """An estimator that keeps a run in memory: ``contents_`` are the contents of its folder.

    It can be copied and serialised and does not need the folder any more: the network is built from the contents.
    """

    contents_: RunContents
    device: str

    def _run(self) -> LoadedRun:
        """Return the run; raises scikit-learn's `NotFittedError` before `fit`."""
        check_is_fitted(self, "contents_")
        if "_built" not in self.__dict__:
            self._built = LoadedRun.of(self.contents_, self.device)
        built: LoadedRun = self._built
        return built

    def _hold(self, folder: Path) -> LoadedRun:
        """Read the run of a folder and build its network."""
        self.__dict__.pop("_built", None)
        self.contents_ = RunContents.read(folder)
        return self._run()

    def _rows(self, X: Any) -> MemoryRows:  # noqa: ANN401 - as scikit-learn calls it
        """Return rows as the run reads them; raises `ValueError` naming the first that it cannot use."""
        run = self._run()
        rows: MemoryRows = numbers_of(self, X, reset=False) if run.features else texts_of(X)
        for index, reason in enumerate(run.check(rows)):
            if reason is not None:
                raise ValueError(f"row {index} cannot be used: {reason}")
        return rows

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_built", None)
        return state

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.allow_nan = True
        return tags


class SMAFeaturizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, RunEstimator):  # type: ignore[misc]
    """Turn rows into the vectors that a run's encoder has for them.

    Rows are texts (a list, a Series, an array of one column) or numbers (n, F), as the run reads them. `transform`
    raises `ValueError` naming the first row that cannot be used.

    Args:
        run: A run of `train` or `finetune`.
        pooling: ``mean`` gives (n, D); ``latents`` all of them side by side (n, M · D), cross-attention only.
        layer: The number of the trunk's layers that are passed, 0 after the first attention; empty: all.
        batch_tokens: Padded inputs in one forward pass.
        device: auto, cpu, cuda or cuda:N.
    """

    def __init__(
        self,
        run: str | Path | None = None,
        pooling: Pooling = "mean",
        layer: int | None = None,
        batch_tokens: int = BATCH_TOKENS,
        device: str = "auto",
    ) -> None:
        self.run = run
        self.pooling = pooling
        self.layer = layer
        self.batch_tokens = batch_tokens
        self.device = device

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ANN401 - as scikit-learn calls it
        """Read the run; nothing is learned from the rows. Raises `UserError` when it is no run."""
        if self.run is None:
            raise UserError("SMAFeaturizer needs a run: SMAFeaturizer('runs/NAME')")
        run = self._hold(Path(self.run))
        if run.features:
            numbers_of(self, X, reset=True)
        no_rows: MemoryRows = np.empty((0, len(run.features))) if run.features else []
        self._n_features_out = self._embedded(no_rows).shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as scikit-learn calls it
        """Return the vectors (n, D) or (n, M · D)."""
        return self._embedded(self._rows(X))

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # vectors are float32, whatever the rows are
        return tags

    def _embedded(self, rows: MemoryRows) -> NDArray[np.float32]:
        if self.pooling not in ("mean", "latents"):
            raise UserError(f"pooling is mean or latents, not {self.pooling!r}")
        vectors = self._run().embed(rows, self.pooling, self.layer, self.batch_tokens)
        return vectors.reshape(len(vectors), int(np.prod(vectors.shape[1:])))


def numbers_of(estimator: BaseEstimator, X: Any, reset: bool) -> NDArray[Any]:  # noqa: ANN401
    """Return rows of numbers (n, F), checked as scikit-learn does; missing ones may be NaN."""
    rows: NDArray[Any] = validate_data(
        estimator, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
    )
    return rows


def texts_of(X: Any) -> list[str]:  # noqa: ANN401 - a list, a Series, an array
    """Return rows of text; an array of one column counts as its texts. Raises `ValueError` for anything else."""
    if isinstance(X, str) or not hasattr(X, "__len__"):
        raise ValueError("texts are given as a list, a Series or an array, a row each")
    rows: Sequence[Any] | NDArray[Any] = X if isinstance(X, list | tuple) else np.asarray(X, dtype=object)
    if isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    wrong = next((index for index, text in enumerate(rows) if not isinstance(text, str)), None)
    if wrong is not None:
        raise ValueError(f"row {wrong} is no text: {rows[wrong]!r:.60}")
    return [str(text) for text in rows]
