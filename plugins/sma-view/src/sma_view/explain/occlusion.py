"""Occlusion: hide each input, or each window of inputs, and take the change of the prediction.

Letters: B rows, N padded length, J pairs of a row and a window.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from sma_view.explain.asker import Asked, Asker


def occlusion(asker: Asker, asked: Asked, window: int, grid: tuple[int, ...] = ()) -> Tensor:
    """Return the value (B, N) of each input: the prediction, minus the prediction without the input's window.

    A window of several inputs shares its value equally among them. Inputs that are not explained have 0. Rows of
    which a window is all that is visible have NaN: the model cannot predict from nothing.
    """
    windows = windows_of(asked.explained, window, grid)  # (B, N)
    pairs = _pairs(windows)  # (J, 2)
    changes = torch.empty(len(pairs), device=pairs.device)
    size = asker.passes(asked)
    for part in (slice(at, at + size) for at in range(0, len(pairs), size)):
        rows, numbers = pairs[part].unbind(dim=1)
        hidden = windows[rows] == numbers[:, None]
        nothing = ~(asked.padding_mask[rows] & ~hidden).any(dim=1)
        kept = hidden & ~nothing[:, None]
        change = asked.predictions[rows] - asker.with_hidden(asked, rows, kept)
        changes[part] = change.masked_fill(nothing, math.nan) / hidden.sum(dim=1)
    values = torch.zeros(windows.shape, device=changes.device)
    for (row, number), change in zip(pairs.tolist(), changes.tolist(), strict=True):
        values[row, windows[row] == number] = change
    return values


def windows_of(explained: Tensor, size: int, grid: tuple[int, ...] = ()) -> Tensor:
    """Return the number of each input's window (B, N) int64, -1 for inputs that are not ``explained`` (B, N).

    Windows are ``size`` consecutive explained inputs; on a ``grid`` of several axes, blocks of ``size`` positions
    along each.
    """
    if size == 1 or len(grid) < 2 or math.prod(grid) != explained.shape[1]:
        numbers = (explained.cumsum(dim=1) - 1) // size
    else:
        number = torch.zeros((), dtype=torch.int64, device=explained.device)
        places = torch.unravel_index(torch.arange(math.prod(grid), device=explained.device), grid)
        for axis, along in zip(grid, places, strict=True):
            number = number * -(-axis // size) + along // size
        numbers = number.expand(explained.shape)
    return numbers.masked_fill(~explained, -1)


def _pairs(windows: Tensor) -> Tensor:
    """Return the row and the number (J, 2) of every window."""
    rows = torch.arange(len(windows), device=windows.device)[:, None].expand(windows.shape)
    pairs = torch.stack([rows.flatten(), windows.flatten()], dim=1)
    unique: Tensor = torch.unique(pairs[pairs[:, 1] >= 0], dim=0)
    return unique
