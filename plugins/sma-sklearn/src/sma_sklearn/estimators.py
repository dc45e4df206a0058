"""`SMARegressor` and `SMAClassifier`: fine-tuning as scikit-learn knows it, on rows in memory.

The rows are written to a file in a temporary folder and go the way of any file through `sma_core.finetune`; the
run is then read into memory and the folder is gone, unless ``out`` names a place for the run.

Letters: n rows, F features, T targets, C classes.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping, Sequence
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
from sma_core.models.encoders import RunContents
from sma_core.models.loaded import Rows
from sma_core.sources.feeds import is_continuous

from sma_core.errors import UserError
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import parts_of
from sma_core.sources.data_sets import cache_in
from sma_core.verbs.finetune import finetune
from sma_sklearn.featurizer import RunEstimator, numbers_of, texts_of

TEXT, PART = "sma:text", "sma:part"
"""Columns of the file besides features and targets."""


class _Tuned(RunEstimator):
    """What regressor and classifier share."""

    kind: str
    """What the labels are to `finetune`."""

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

    def _read(self, X: Any) -> Rows:  # noqa: ANN401 - as scikit-learn calls it
        """Return rows of the kind that the domain has; raises `ValueError` when they are of another."""
        rows: Rows = numbers_of(self, X, reset=True) if is_continuous(self._registry()) else texts_of(X)
        if len(rows) < 2:
            raise ValueError(f"n_samples={len(rows)}, but one row is for training and one for validation at least")
        return rows

    def _registry(self) -> Registry:
        contents = None if self.run is None else RunContents.read(Path(self.run))
        domain = self.domain or (None if contents is None else contents.facts["domain"]["name"])
        if domain is None:
            raise UserError("say which domain with domain=NAME, or which pre-trained run with run=FOLDER")
        run, facts = (None, None) if contents is None else (contents.path, contents.facts)
        with parts_of(run, facts):
            return Registry.load(domain)

    def _tune(self, rows: Rows, labels: Mapping[str, Sequence[Any]]) -> None:
        """Fine-tune on rows and the columns ``labels``, and keep what came of it in memory."""
        state = self.random_state
        seed = state if isinstance(state, int) else int(check_random_state(state).randint(2**31))
        with tempfile.TemporaryDirectory(prefix="sma-", ignore_cleanup_errors=True) as name, cache_in(Path(name)):
            folder = Path(name)
            order = self._order(len(rows), seed)
            file, own = _written(folder, rows, labels, order, self._columns(rows))
            own |= {"targets": list(labels), "kind": self.kind, "split.column": PART, "training.seed": seed}
            own |= {"data.max_rejected": 0.0, "training.device": self.device}
            if isinstance(rows, np.ndarray) and self.run is None:
                own["model.max_length"] = rows.shape[1]
            result = finetune(
                self.domain,
                model=None if self.run is None else Path(self.run),
                data=str(file),
                recipe=self.recipe,
                settings=own | dict(self.settings or {}),
                out=folder / "run" if self.out is None else Path(self.out),
            )
            self._hold(result.run)
        self.validation_score_ = result.valid[result.metric]

    def _order(self, rows: int, seed: int) -> NDArray[np.bool_]:
        """Draw which rows are for validation (n,), one at least, and never all."""
        if not 0.0 < self.validation_fraction < 1.0:
            raise ValueError(f"validation_fraction is a share between 0 and 1, not {self.validation_fraction!r}")
        count = min(max(1, round(self.validation_fraction * rows)), rows - 1)
        valid = np.zeros(rows, dtype=np.bool_)
        valid[np.random.default_rng(seed).permutation(rows)[:count]] = True
        return valid

    def _columns(self, rows: Rows) -> tuple[str, ...]:
        """Name the features: as the run does, else by their numbers; nothing for texts."""
        if not isinstance(rows, np.ndarray):
            return ()
        if self.run is not None:
            columns = tuple(RunContents.read(Path(self.run)).facts["scale"]["columns"])
            if len(columns) != rows.shape[1]:
                raise ValueError(f"{self.run} reads {len(columns)} features, but X has {rows.shape[1]} features")
            return columns
        return tuple(str(at) for at in range(rows.shape[1]))


class SMARegressor(RegressorMixin, _Tuned):  # type: ignore[misc]
    """Fine-tune on measured values, from a run or from random weights.

    Rows are texts (a list, a Series, an array of one column) or numbers (n, F), as the domain has them; numbers
    may be missing (NaN). Labels are (n,) or (n, T). A share of the rows picks the checkpoint and is not
    trained on.

    Args:
        run: A pre-trained run; empty: random weights.
        domain: The plugin that knows the rows; may be left out with ``run``.
        recipe: Shipped settings to begin from, as `sma_core.finetune` takes them.
        settings: Single settings by dotted name, such as ``{"training.epochs": 20}``.
        validation_fraction: The share of the rows that picks the checkpoint, drawn with ``random_state``.
        out: Folder that keeps the run; empty: nothing is left behind.
        random_state: Seed of weights, order, dropout, and the drawn rows.
        device: auto, cpu, cuda or cuda:N.
    """

    kind = "regression"

    def fit(self, X: Any, y: Any) -> Self:  # noqa: ANN401 - as scikit-learn calls it
        """Fine-tune; raises `ValueError` or `UserError` for rows, labels or settings that cannot be used."""
        rows = self._read(X)
        labels = check_array(_given(self, y), ensure_2d=False, dtype=np.float64, input_name="y")
        _same_length(rows, labels)
        self._is_column = labels.ndim == 1
        columns = labels.reshape(len(labels), -1)  # (n,) or (n, T) -> (n, T)
        self._tune(rows, {f"sma:target-{at}": columns[:, at] for at in range(columns.shape[1])})
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401 - as scikit-learn calls it
        """Return values (n,) or (n, T)."""
        found = self._run().predict(self._rows(X))
        return found[:, 0] if self._is_column else found

    def __sklearn_tags__(self) -> Any:  # noqa: ANN401 - scikit-learn has no types
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class SMAClassifier(ClassifierMixin, _Tuned):  # type: ignore[misc]
    """Fine-tune on classes, from a run or from random weights; otherwise as `SMARegressor`.

    ``classes_`` are the classes in the order of the columns of `predict_proba`.
    """

    kind = "multiclass"

    def fit(self, X: Any, y: Any) -> Self:  # noqa: ANN401 - as scikit-learn calls it
        """Fine-tune; raises `ValueError` or `UserError` for rows, labels or settings that cannot be used."""
        rows = self._read(X)
        labels = column_or_1d(_given(self, y), warn=True)
        check_classification_targets(labels)
        _same_length(rows, labels)
        self.classes_, numbers = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"y has one class only, {self.classes_[0]!r}: there is nothing to learn from it")
        self._tune(rows, {"sma:target": [str(number) for number in numbers.tolist()]})
        return self

    def predict_proba(self, X: Any) -> NDArray[np.float64]:  # noqa: ANN401 - as scikit-learn calls it
        """Return probabilities (n, C)."""
        return self._run().predict(self._rows(X))

    def predict(self, X: Any) -> NDArray[Any]:  # noqa: ANN401 - as scikit-learn calls it
        """Return the most probable class of each row (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        found: NDArray[Any] = self.classes_[best]
        return found


def _given(estimator: RunEstimator, y: Any) -> Any:  # noqa: ANN401 - labels of any form
    """Return the labels; raises `ValueError` when there are none."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target y is None."
        )
    return y


def _same_length(rows: Rows, labels: NDArray[Any]) -> None:
    if len(rows) != len(labels):
        raise ValueError(f"X has {len(rows)} rows, but y has {len(labels)}")


def _written(
    folder: Path,
    rows: Rows,
    labels: Mapping[str, Sequence[Any]],
    valid: NDArray[np.bool_],
    columns: tuple[str, ...],
) -> tuple[Path, dict[str, Any]]:
    """Write the rows in their order, as training or validation; give the file and the settings that read it.

    Fine-tuning wants a test part too: it is the validation rows once more, behind the others, so that the numbers
    of rows in messages stay theirs.
    """
    again = np.flatnonzero(valid)
    order = np.concatenate([np.arange(len(rows)), again])
    parts = [*np.where(valid, "valid", "train").tolist(), *["test"] * len(again)]
    beside = {name: [values[at] for at in order.tolist()] for name, values in labels.items()} | {PART: parts}
    if columns:
        table = {name: pa.array(np.asarray(rows)[order, at], pa.float64()) for at, name in enumerate(columns)}
        parquet.write_table(
            pa.table(table | {name: pa.array(each) for name, each in beside.items()}), folder / "rows.parquet"
        )
        return folder / "rows.parquet", {"data.columns": list(columns)}
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([TEXT, *beside])
        writer.writerows(zip((rows[at] for at in order.tolist()), *beside.values(), strict=True))
    return folder / "rows.csv", {"data.column": TEXT}
