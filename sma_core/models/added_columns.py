"""Columns that plugins add to predictions on request, such as intervals, and their figures in evaluations.

Letters: n rows of a chunk, m of them usable, T targets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from sma_core.errors import PluginError
from sma_core.feeds.rows import RowChunk
from sma_core.models.ensemble import Ensemble, Predictions
from sma_core.plugin_calls import check_result, errors_of, given, is_number
from sma_core.plugins.specs import PredictionColumns

if TYPE_CHECKING:
    from sma_core.evaluation.metric_set import Figures
    from sma_core.training.finetuning.labelled_predictions import LabelledPredictions

COMES_WITH = {"interval": "sma-view", "calibrated": "sma-view", "familiarity": "sma-view"}
"""Name of columns -> the package of this project that brings them."""

Value: TypeAlias = str | float | bool
Wanted: TypeAlias = Mapping[str, Value]
"""Names of columns to add, and the value that each is built with."""


@dataclass(frozen=True)
class AddedColumns:
    """The objects that add columns, each with its name in messages."""

    parts: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def load(cls, models: Ensemble, wanted: Wanted) -> AddedColumns:
        """Build the columns that are ``wanted``.

        Raises `PluginError` for an unknown name, `UserError` for a value that does not suit.
        """
        registry, parts = models.first.registry, []
        known = {spec.name for spec in registry.specs(PredictionColumns)}
        for name, value in wanted.items():
            package = COMES_WITH.get(name)
            if package is not None and name not in known:
                raise PluginError(f"columns of {name} are in the package {package}: pip install {package}")
            spec = registry.find(PredictionColumns, name)
            part = registry.label(spec)
            with errors_of(part):
                parts.append((part, registry.build(spec)(models, value)))
        return cls(tuple(parts))

    def of(self, chunk: RowChunk, predictions: Predictions, taken: Sequence[str]) -> dict[str, pa.Array]:
        """Return the added columns of all n rows of a chunk, null for unusable rows.

        ``taken`` are the names of the columns of predictions. Raises `PluginError` when a plugin returns something
        else than m cells for each name.
        """
        columns: dict[str, pa.Array] = {}
        for part, adding in self.parts:
            function = f"columns of {part}"
            with errors_of(function):
                added = adding.columns(chunk, predictions)
            check_result(function, _fault(added, len(chunk.usable), (*taken, *columns)))
            for name, cells in added.items():
                with errors_of(function):
                    columns[name] = _expanded(cells, chunk)
        return columns

    def figures(self, judged: LabelledPredictions) -> list[Figures]:
        """Return the figures of the added columns for each of T targets; empty where no plugin has any."""
        merged: list[Figures] = [{} for _ in judged.targets.names]
        for part, adding in self.parts:
            if not hasattr(adding, "figures"):
                continue
            function = f"figures of {part}"
            with errors_of(function):
                by_target = adding.figures(judged)
            check_result(function, _fault_of_figures(by_target, len(merged)))
            for figures, added in zip(merged, by_target, strict=True):
                figures |= {name: float(value) for name, value in added.items()}
        return merged


def _expanded(cells: Any, chunk: RowChunk) -> pa.Array:  # noqa: ANN401 - an array or a sequence of cells
    """Return the cells of usable rows at their indices among all rows; null for rows without a prediction."""
    indices: list[int | None] = [None] * len(chunk)
    for place, index in enumerate(chunk.usable.tolist()):
        indices[index] = place if chunk.reasons[index] is None else None
    values = cells if isinstance(cells, pa.Array) else pa.array(cells)
    return values.take(pa.array(indices, pa.int64()))


def _fault(added: object, rows: int, taken: Sequence[str]) -> str | None:
    """Say what ``columns`` must return, unless it did."""
    expected = f"a mapping from names of columns to {rows} cells"
    if not isinstance(added, Mapping) or not all(isinstance(name, str) for name in added):
        return f"{expected}, not {given(added)}"
    for name, cells in added.items():
        if not hasattr(cells, "__len__") or isinstance(cells, str) or len(cells) != rows:
            what = f"{len(cells)}" if hasattr(cells, "__len__") and not isinstance(cells, str) else given(cells)
            return f"{expected}, not {what} for {name!r}"
        if name in taken:
            return f"columns of other names than those of the predictions and of other plugins, not {name!r}"
    return None


def _fault_of_figures(by_target: object, targets: int) -> str | None:
    """Say what ``figures`` must return, unless it did."""
    fits = isinstance(by_target, Sequence) and len(by_target) == targets
    if not fits or not all(isinstance(figures, Mapping) for figures in by_target):  # type: ignore[attr-defined]
        return f"a list of {targets} mappings from names to numbers, one for each target, not {given(by_target)}"
    wrong = [v for f in by_target for v in f.values() if not is_number(v)]  # type: ignore[attr-defined]
    return f"mappings to numbers, not {given(wrong[0])}" if wrong else None
