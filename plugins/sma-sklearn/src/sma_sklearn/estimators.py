"""Estimators that fine-tune on rows in memory: `SMARegressor` and `SMAClassifier`.

`fit` writes the rows to a temporary folder, calls `sma_core.finetune`, reads the run into memory and removes the
folder. With ``out``, the run is kept.

Shapes: n rows, F features, T targets, C classes.
"""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

from sma_core.config import DataConfig
from sma_core.errors import SmaError, UserError
from sma_core.feeds.feed import Feed
from sma_core.models.pretrained import open_pretrained
from sma_core.plugins.registry import Registry
from sma_core.printable import counted
from sma_core.runs.provenance import explain_missing_parts
from sma_core.sources.data_sets import cache_in
from sma_core.verbs.finetune import finetune
from sma_sklearn.featurizer import RunEstimator, numbers_of, texts_of

TEXT, PART, WEIGHT = "sma:text", "sma:part", "sma:weight"
"""Names of the columns of texts, split parts and weights in the temporary file."""

Rows = Sequence[str] | NDArray[Any]
"""Texts, or numbers (n, F)."""


class _Tuned(RunEstimator):
    """Base class of the regressor and the classifier."""

    def __init__(
        self,
        run: str | Path | None = None,
        domain: str | None = None,
        recipe: str | None = None,
        settings: Mapping[str, Any] | None = None,
        validation_fraction: float = 0.1,
        out: str | Path | None = None,
        random_state: int | np.random.RandomState | None = 0,
        device: str = "auto",
    ) -> None:
        self.run = run
        self.domain = domain
        self.recipe = recipe
        self.settings = settings
        self.validation_fraction = validation_fraction
        self.out = out
        self.random_state = random_state
        self.device = device

    def _read(self, X: Any, feed: Feed) -> Rows:  # noqa: ANN401 - as scikit-learn calls it
        """Validate the rows for ``feed``; raise `ValueError` for another type of rows or fewer than two."""
        rows: Rows = texts_of(X) if feed.unit == "ids" else numbers_of(self, X, True, feed.columns)
        if len(rows) < 2:
            raise ValueError(f"n_samples={len(rows)}, but training and validation need at least one row each")
        return rows

    def _feed(self) -> Feed:
        """Return the feed of the pre-trained run, or of a new run of the domain."""
        if self.run is None and self.domain is None:
            raise UserError("pass domain=NAME, or a pre-trained run with run=FOLDER")
        run = None if self.run is None else Path(self.run)
        start = open_pretrained(self.domain, run, "fine-tuning starts from")
        with explain_missing_parts(run, start.record):
            return start.feed(Registry.load(start.domain), DataConfig())

    def _tune(
        self,
        rows: Rows,
        feed: Feed,
        kind: str,
        labels: Mapping[str, Sequence[Any]],
        sample_weight: Any,  # noqa: ANN401 - as scikit-learn calls it
    ) -> None:
        """Fine-tune on rows and label columns of a kind, as `finetune` names it, and read the run into memory."""
        state = self.random_state
        seed = state if isinstance(state, int) else int(check_random_state(state).randint(2**31))
        with tempfile.TemporaryDirectory(prefix="sma-", ignore_cleanup_errors=True) as name, cache_in(Path(name)):
            folder = Path(name)
            valid = self._validation_mask(len(rows), seed)
            others = {**labels, PART: np.where(valid, "valid", "train").tolist()}
            if sample_weight is not None:
                others[WEIGHT] = _weights(sample_weight, rows).tolist()
            file, options = _written(folder, rows, others, self._columns(rows, feed))
            options |= {"targets": list(labels), "kind": kind, "training.seed": seed}
            options |= {"split.column": PART, "split.test": 0.0}
            options |= {"weight": WEIGHT} if sample_weight is not None else {}
            options |= {"data.max_rejected": 0.0, "training.device": self.device, "baselines": False}
            if isinstance(rows, np.ndarray) and self.run is None:
                options["model.max_length"] = rows.shape[1]
            with _errors_name_x(file):
                result = finetune(
                    self.domain,
                    model=None if self.run is None else Path(self.run),
                    data=str(file),
                    recipe=self.recipe,
                    settings=options | dict(self.settings or {}),
                    out=folder / "run" if self.out is None else Path(self.out),
                )
            self._hold(result.run)
        self.validation_score_ = result.valid.get(result.metric, math.nan)

    def _validation_mask(self, rows: int, seed: int) -> NDArray[np.bool_]:
        """Draw the mask of validation rows (n,), with at least one row in each of training and validation."""
        if not 0.0 < self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction must be between 0 and 1, got {self.validation_fraction!r}")
        count = min(max(1, round(self.validation_fraction * rows)), rows - 1)
        valid = np.zeros(rows, dtype=np.bool_)
        valid[np.random.default_rng(seed).permutation(rows)[:count]] = True
        return valid

    def _columns(self, rows: Rows, feed: Feed) -> tuple[str, ...]:
        """Return the feature names of the run or feature numbers; empty for rows of text."""
        if not isinstance(rows, np.ndarray):
            return ()
        columns = feed.columns or tuple(str(number) for number in range(rows.shape[1]))
        if len(columns) != rows.shape[1]:
            raise ValueError(
                f"{self.run} reads {counted(len(columns), 'feature')}, but X has "
                f"{counted(rows.shape[1], 'feature')}"
            )
        return columns


class SMARegressor(RegressorMixin, _Tuned):  # type: ignore[misc]
    """Regressor that fine-tunes a pre-trained run, or a new model with random weights.

    Rows are texts (a list, a Series or an array with one column) or numbers (n, F), depending on the domain;
    numbers may be NaN. Labels are (n,) or (n, T).

    Args:
        run: Folder of a pre-trained run. Default: random weights.
        domain: Name of the domain of the rows. Optional if ``run`` is passed.
        recipe: Name of a recipe, as in `sma_core.finetune`.
        settings: Settings by dotted name, such as ``{"training.epochs": 20}``.
        validation_fraction: Fraction of the rows held out to select the checkpoint.
        out: Folder to keep the run in. Default: the run is only kept in memory.
        random_state: Seed of weights, row order, dropout and the validation rows.
        device: auto, cpu, cuda or cuda:N.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: ANN401 - as scikit-learn calls it
        """Fine-tune; raise `ValueError` or `UserError` for invalid rows, labels, weights (n,) or settings.

        With several targets, labels may be NaN where they are unknown.
        """
        feed = self._feed()
        rows = self._read(X, feed)
        finite: Any = "allow-nan" if np.asarray(_needed(self, y)).ndim == 2 else True
        labels = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y", ensure_all_finite=finite)
        _same_length(rows, labels)
        self._is_column = labels.ndim == 1
        columns = labels.reshape(len(labels), -1)  # (n,) or (n, T) -> (n, T)
        self._tune(rows, feed, "regression", _numbered(columns), sample_weight)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401 - as scikit-learn calls it
        """Return predicted values (n,) or (n, T)."""
        values = self._run().predict(self._rows(X))
        return values[:, 0] if self._is_column else values

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class SMAClassifier(ClassifierMixin, _Tuned):  # type: ignore[misc]
    """Classifier that fine-tunes a pre-trained run, or a new model with random weights.

    Takes the same parameters as `SMARegressor`. ``classes_`` are the classes in the order of the columns of
    `predict_proba`. Labels (n, T) of zeros and ones are T binary targets (multi-label), NaN where unknown; then
    `predict_proba` returns the probability (n, T) of each, and ``classes_`` are the arrays [0, 1].
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:  # noqa: ANN401 - as scikit-learn calls it
        """Fine-tune; raise `ValueError` or `UserError` for invalid rows, labels, weights (n,) or settings."""
        feed = self._feed()
        rows = self._read(X, feed)
        shape = np.asarray(_needed(self, y)).shape
        self._is_multilabel = len(shape) == 2 and shape[1] > 1
        if self._is_multilabel:
            many = check_array(y, dtype=np.float64, input_name="y", ensure_all_finite="allow-nan")
            _same_length(rows, many)
            self.classes_: Any = [np.array([0, 1]) for _ in range(many.shape[1])]
            self._tune(rows, feed, "multilabel", _numbered(many), sample_weight)
            return self
        labels = column_or_1d(_needed(self, y), warn=True)
        check_classification_targets(labels)
        _same_length(rows, labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y must have at least two classes, but has one class, {self.classes_[0]!r}")
        names = [str(number) for number in numbers.tolist()]
        if sample_weight is not None and len(np.unique(numbers[_weights(sample_weight, rows) != 0])) < 2:
            raise ValueError("sample_weight is zero but for one class: give at least two classes a weight")
        self._tune(rows, feed, "multiclass", {"sma:target": names}, sample_weight)
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401 - as scikit-learn calls it
        """Return class probabilities (n, C), or with several targets the probability (n, T) of each."""
        return self._run().predict(self._rows(X))

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: ANN401 - as scikit-learn calls it
        """Return the most probable class of each row (n,), or zeros and ones (n, T) with several targets."""
        probabilities = self.predict_proba(X)
        if self._is_multilabel:
            return (probabilities >= 0.5).astype(np.int64)
        classes: NDArray[Any] = self.classes_[probabilities.argmax(axis=1)]
        return classes


def _needed(estimator: RunEstimator, y: Any) -> Any:  # noqa: ANN401 - labels of any form
    """Return the labels; raise `ValueError` if they are None."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    return y


def _weights(sample_weight: Any, rows: Rows) -> NDArray[np.float64]:  # noqa: ANN401 - as scikit-learn calls it
    """Return the weights (n,); raise `ValueError` for others."""
    weights: NDArray[np.float64] = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (len(rows),):
        raise ValueError(f"sample_weight has the shape {weights.shape}, but must be ({len(rows)},)")
    if not weights.any():
        raise ValueError("all weights are zero: sample_weight must have one that is not")
    return weights


def _numbered(columns: NDArray[np.float64]) -> dict[str, list[float]]:
    """Return the columns of labels (n, T) by name."""
    return {f"sma:target-{index}": column.tolist() for index, column in enumerate(columns.T)}


def _same_length(rows: Rows, labels: NDArray[Any]) -> None:
    if len(rows) != len(labels):
        raise ValueError(f"X has {counted(len(rows), 'row')}, but y has {len(labels)}")


@contextmanager
def _errors_name_x(file: Path) -> Iterator[None]:
    """Name X in errors about its temporary file."""
    try:
        yield
    except SmaError as error:
        sentence = str(error).replace(str(file), "X").replace("correct the file", "correct X")
        error.args = (sentence, *error.args[1:])
        raise


def _written(
    folder: Path,
    rows: Rows,
    others: Mapping[str, Sequence[Any]],
    columns: tuple[str, ...],
) -> tuple[Path, dict[str, Any]]:
    """Write rows in order with their labels, parts and weights; return the file and the settings to read it."""
    if columns:
        features = np.asarray(rows).T
        table = {name: pa.array(values, pa.float64()) for name, values in zip(columns, features, strict=True)}
        table |= {name: pa.array(values) for name, values in others.items()}
        parquet.write_table(pa.table(table), folder / "rows.parquet")
        return folder / "rows.parquet", {"data.columns": list(columns)}
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([TEXT, *others])
        writer.writerows(zip(rows, *others.values(), strict=True))
    return folder / "rows.csv", {"data.column": TEXT}
