"""Rows with the value of each input, in the order of the file, from a chunk at a time.

Letters: B rows of a batch, N inputs of a row, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sma_core.errors import UserError
from sma_core.feeds.rows import RowChunk
from sma_core.models.loaded_run import LoadedRun
from sma_core.plugins.drawn_row import DrawnRow
from sma_view.explain.asker import Asked, Asker
from sma_view.explain.deletion import DeletionTest
from sma_view.explain.gradients import gradient, integrated_gradients, require_captum
from sma_view.explain.occlusion import occlusion
from sma_view.row_as_drawn import as_drawn, name_of, text_of_row

MethodName = Literal["occlusion", "gradient", "integrated-gradients"]
STEPS = 50
"""Steps of integrated gradients, if the number is not named."""
NOT_FINITE = "the prediction is not a finite number"
NOTHING_LEFT = "hiding an input would leave nothing to predict from: use another method, or a smaller window"


@dataclass(frozen=True)
class Method:
    """How values are computed: ``window`` is for occlusion, ``steps`` are for integrated gradients."""

    name: MethodName
    window: int = 1
    steps: int = STEPS

    def check(self) -> None:
        """Raise `UserError` for an option of another method, or a method whose package is not installed."""
        if self.window != 1 and self.name != "occlusion":
            raise UserError(f"`window={self.window}` is for occlusion, not for {self.name}: omit it")
        if self.steps != STEPS and self.name != "integrated-gradients":
            raise UserError(f"`steps={self.steps}` is for integrated-gradients, not for {self.name}: omit it")
        if self.name == "integrated-gradients":
            require_captum()

    def has_channels(self, run: LoadedRun) -> bool:
        """Return whether a position has a value for each channel: gradients do, hidden positions do not."""
        return self.name != "occlusion" and run.feed.unit == "positions" and len(run.features) > 1

    def values(self, asker: Asker, asked: Asked) -> tuple[Tensor, Tensor | None]:
        """Return values (B, N) or (B, N, C), and the completeness gap (B,) of integrated gradients."""
        if self.name == "occlusion":
            return occlusion(asker, asked, self.window, tuple(asker.run.model.grid or ())), None
        if self.name == "gradient":
            return gradient(asker, asked), None
        return integrated_gradients(asker, asked, self.steps)


@dataclass(frozen=True)
class ExplainedRow:
    """A row of the file: its number, name and text, and unless it is unusable the explanation.

    ``remark`` is why it is unusable, or how a long row was read. ``prediction`` is the number that is explained;
    ``label`` the class, empty for regression. ``values`` (N,), or (N, C) by channel, are what each input adds;
    ``explained`` (N,) is False for end markers and missing numbers, whose values are 0. ``drawn`` is the row as a
    renderer takes it. ``gap`` is the completeness gap of integrated gradients.
    """

    number: int
    name: str
    text: str
    remark: str | None = None
    prediction: float = math.nan
    label: str = ""
    values: NDArray[np.float64] | None = None
    explained: NDArray[np.bool_] | None = None
    drawn: DrawnRow | None = None
    gap: float | None = None

    @property
    def symbols(self) -> tuple[str, ...]:
        """The text of each input, or the name of each feature or position (N,)."""
        return () if self.drawn is None else self.drawn.features or self.drawn.pieces

    @property
    def by_input(self) -> NDArray[np.float64]:
        """The value of each input (N,), summed over channels."""
        assert self.values is not None, "the row is usable"
        return self.values if self.values.ndim == 1 else self.values.sum(axis=1)


def explained_rows(asker: Asker, method: Method, chunk: RowChunk, test: DeletionTest) -> Iterator[ExplainedRow]:
    """Yield the rows of a chunk; its first usable rows also go through ``test``, as long as it wants some."""
    done: dict[int, ExplainedRow] = {}
    tested = set(test.wanted(chunk.usable.tolist()))
    for places, batch in asker.run.batches(chunk, asker.tokens):
        asked = asker.ask(batch)
        values, gaps = method.values(asker, asked)
        indices = chunk.usable[places].tolist()
        numbers = [chunk.numbers[index] for index in indices]
        by_input = values if values.dim() == 2 else values.sum(dim=2)
        wanted = torch.tensor([index in tested for index in indices], device=values.device)
        test.add(
            asker, asked, by_input, numbers, wanted & asked.predictions.isfinite() & asker.has_position(asked)
        )
        for row, (index, place) in enumerate(zip(indices, places.tolist(), strict=True)):
            drawn = as_drawn(asker.run, chunk, place, batch, row=row)
            gap = None if gaps is None else float(gaps[row])
            done[index] = _row(asker, asked, row, values[row], gap, _unexplained(chunk, index), drawn)
    for index in range(len(chunk)):
        yield done.get(index) or _unexplained(chunk, index)


def _unexplained(chunk: RowChunk, index: int) -> ExplainedRow:
    number, remark = chunk.numbers[index], chunk.remarks[index]
    return ExplainedRow(number, name_of(chunk, index), text_of_row(chunk, index), remark)


def _row(
    asker: Asker, asked: Asked, row: int, values: Tensor, gap: float | None, plain: ExplainedRow, drawn: DrawnRow
) -> ExplainedRow:
    """Return a usable row with its values, or the reason why it has none."""
    real = int(asked.padding_mask[row].sum())
    numbers = values[:real].double().cpu().numpy()
    position = asker.question.position
    if position is not None and not bool(asker.has_position(asked)[row]):
        return replace(plain, remark=f"it has no position {position:,}")
    prediction = float(asked.predictions[row]) + asker.question.offset
    if not math.isfinite(prediction):
        return replace(plain, remark=NOT_FINITE)
    if not np.isfinite(numbers).all():
        return replace(plain, remark=NOTHING_LEFT)
    by_channel = tuple(map(tuple, numbers.tolist())) if numbers.ndim == 2 else ()
    by_input = numbers.sum(axis=1) if numbers.ndim == 2 else numbers
    return replace(
        plain,
        prediction=prediction,
        label="" if asker.question.is_regression else asker.question.class_name(int(asked.labels[row])),
        values=numbers,
        explained=asked.explained[row, :real].cpu().numpy(),
        drawn=replace(
            drawn,
            importance=tuple(by_input.tolist()),
            channel_importance=by_channel,
            signed=True,
            prefix=f"r{plain.number}-",
        ),
        gap=gap,
    )
