"""`SMAFeaturizer`, a transformer that returns a run's vectors, and the base class of all estimators.

Shapes: n rows, F features, D vector width, M latents.
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
from sma_core.feeds.feed import Feed
from sma_core.feeds.named_rows import column_names_of
from sma_core.feeds.rows import MemoryRows
from sma_core.models.loaded_run import LoadedRun, RunContents
from sma_core.models.vectors import BATCH_TOKENS, Pooling


class RunEstimator(BaseEstimator):  # type: ignore[misc]
    """Base class of estimators that keep a run in memory.

    ``contents_`` are the contents of the run folder, from which the network is built. Estimators can be copied and
    pickled, and do not need the folder after `fit`.
    """

    contents_: RunContents
    device: str

    def _run(self) -> LoadedRun:
        """Return the run; raise scikit-learn's `NotFittedError` before `fit`."""
        check_is_fitted(self, "contents_")
        if "_built" not in self.__dict__:
            self._built = LoadedRun.of(self.contents_, self.device)
        built: LoadedRun = self._built
        return built

    def _hold(self, folder: Path) -> LoadedRun:
        """Read a run into memory and build its network."""
        self.__dict__.pop("_built", None)
        self.contents_ = RunContents.read(folder)
        return self._run()

    def _rows(self, X: Any) -> MemoryRows:  # noqa: ANN401 - as scikit-learn calls it
        """Validate the rows for the run; raise `ValueError` for the first unusable row."""
        run = self._run()
        rows = rows_of(self, X, run.feed, reset=False)
        for index, reason in enumerate(run.check(rows)):
            if reason is not None:
                raise ValueError(f"X[{index}] is unusable: {reason}")
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
    """Transformer that embeds rows with the encoder of a run.

    Depending on the run, rows are texts (a list, a Series or an array with one column), numbers (n, F) or
    sequences of vectors (a list of arrays (n_i, C), or (n, N, C)). `transform` raises `ValueError` for the first
    unusable row.

    Args:
        run: Folder of a run of `train` or `finetune`.
        pooling: ``mean`` returns the mean latent (n, D); ``latents`` returns all latents, concatenated (n, M * D),
            and needs a cross-attention encoder.
        layer: Number of trunk layers to apply; 0 for the output of the first attention. Default: all.
        batch_tokens: Number of padded inputs in a forward pass.
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
        """Read the run; the rows are only validated. Raises `UserError` if ``run`` is not a run."""
        if self.run is None:
            raise UserError("SMAFeaturizer needs a run, for example SMAFeaturizer('runs/NAME')")
        run = self._hold(Path(self.run))
        if run.features:
            rows_of(self, X, run.feed, reset=True)
        no_rows: MemoryRows = np.empty((0, len(run.features))) if run.feed.unit == "numbers" else []
        self._n_features_out = self._embedded(no_rows).shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:  # noqa: ANN401 - as scikit-learn calls it
        """Return the vectors (n, D) or (n, M * D)."""
        return self._embedded(self._rows(X))

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # vectors are always float32
        return tags

    def _embedded(self, rows: MemoryRows) -> NDArray[np.float32]:
        if self.pooling not in ("mean", "latents"):
            raise UserError(f"pooling must be 'mean' or 'latents', got {self.pooling!r}")
        vectors = self._run().embed(rows, self.pooling, self.layer, self.batch_tokens)
        return vectors.reshape(len(vectors), int(np.prod(vectors.shape[1:])))


def rows_of(estimator: BaseEstimator, X: Any, feed: Feed, reset: bool) -> MemoryRows:  # noqa: ANN401
    """Return the rows that a feed reads; raise `ValueError` for rows of another shape."""
    if feed.unit == "positions":
        return sequences_of(X)
    return numbers_of(estimator, X, reset=reset, features=feed.columns) if feed.unit == "numbers" else texts_of(X)


def are_sequences(X: Any) -> bool:  # noqa: ANN401
    """Return whether rows are sequences of vectors: an array (n, N, C), or arrays (n_i, C)."""
    return getattr(X, "ndim", 0) == 3 or (isinstance(X, list | tuple) and any(np.ndim(row) == 2 for row in X[:1]))


def sequences_of(X: Any) -> list[NDArray[Any]]:  # noqa: ANN401
    """Return sequences of vectors as arrays (n_i, C); raise `ValueError` for other rows."""
    if not are_sequences(X):
        raise ValueError("X must be a list of arrays (positions, channels), or an array of three dimensions")
    return [np.asarray(row) for row in X]


def numbers_of(
    estimator: BaseEstimator,
    X: Any,  # noqa: ANN401
    reset: bool,
    features: Sequence[str] = (),
) -> NDArray[Any]:
    """Validate rows of numbers (n, F) with scikit-learn; NaN is allowed.

    The columns of a data frame are put into the order of ``features``, the names that the run was trained with.
    Raises `ValueError` when one is missing, and for sequences of vectors.
    """
    if are_sequences(X):
        raise ValueError(
            "X has sequences of vectors, but a table (rows, features) is needed: fine-tune on sequences with "
            "sma_core.finetune, and use its run with sma_core.load or SMAFeaturizer"
        )
    names = {str(label): label for label in getattr(X, "columns", ())}
    if features and set(features) <= set(names):
        X = X[[names[name] for name in features]]
    elif features and len(column_names_of(X)) and not all(map(str.isdigit, features)):
        missing = next(name for name in features if name not in names)
        raise ValueError(f"X has no column {missing!r}, which the run was trained with; it has {', '.join(names)}")
    rows: NDArray[Any] = validate_data(
        estimator, X, reset=reset, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
    )
    return rows


def texts_of(X: Any) -> list[str]:  # noqa: ANN401 - a list, a Series, an array
    """Return rows of text from a sequence or an array with one column; raise `ValueError` for other input."""
    if isinstance(X, str) or not hasattr(X, "__len__"):
        raise ValueError("X must be a list, a Series or an array with one text per row")
    rows: Sequence[Any] | NDArray[Any] = X if isinstance(X, list | tuple) else np.asarray(X, dtype=object)
    if isinstance(rows, np.ndarray) and rows.ndim == 2 and rows.shape[1] == 1:
        rows = rows[:, 0]
    invalid = next((index for index, text in enumerate(rows) if not isinstance(text, str)), None)
    if invalid is not None:
        raise ValueError(f"X[{invalid}] is not a string: {rows[invalid]!r:.60}")
    return [str(text) for text in rows]
