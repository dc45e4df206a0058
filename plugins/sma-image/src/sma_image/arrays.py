"""Pictures in NumPy files: an array (n, H, W) or (n, H, W, C), and labels (n,) beside it.

Letters: n pictures, H x W pixels, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.blocks import Block
from sma_core.data.readers.arrays import as_stored, load_arrays, refuse_empty
from sma_core.data.readers.features import Chosen, finite_sequences, given_names, remaining
from sma_core.data.readers.other_columns import array_column
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import Sequences, bounds_of
from sma_core.errors import DataError
from sma_core.printable import counted
from sma_image.shapes import CHANNELS, Shape

VALUES_IN_BLOCK = 1 << 22


def read_array(
    path: Path,
    requested: tuple[Sequence[str], Sequence[str], Sequence[str]],
    names: Sequence[str],
    shape: Shape,
) -> Iterator[Block | RejectedRow]:
    """Yield the pictures of a file in blocks; raise `DataError` for arrays of another shape.

    ``requested`` are channels, fields and excluded channels.
    """
    columns, fields, exclude = requested
    pictures, others = _load(path)
    count, rows, width, channels = pictures.shape
    if shape.size is not None and (rows, width) != shape.size:
        raise DataError(
            f"{path} has pictures of {rows} x {width} pixels, but data.options.size is "
            f"{shape.size[0]}x{shape.size[1]}, and arrays are not scaled: scale them to that size, or train a new "
            f"model with data.options.size={rows}x{width} and model.grid=[{rows},{width}]"
        )
    mode = "L" if channels == 1 else "RGB"
    if shape.mode not in (None, mode) and channels in (1, 3):
        raise DataError(
            f"{path} has {counted(channels, 'channel')}, but data.options.mode is {shape.mode}: convert them to "
            f"{shape.mode}, or train a new model with data.options.mode={mode}"
        )
    usual = {len(known): known for known in CHANNELS.values()}
    known = given_names(names or usual.get(channels, ()), channels, path)
    wanted = columns or remaining(known, exclude, path)
    chosen = Chosen.among([*known, *others], wanted, fields, path, exclude)
    extra = list(others.values())
    size = max(1, VALUES_IN_BLOCK // max(1, rows * width * channels))
    for start in range(0, count, size):
        part = as_stored(np.asarray(pictures[start : start + size]))  # (m, H, W, C)
        values = part.reshape(-1, channels)[:, list(chosen.features)]  # (m * H * W, C)
        numbers = np.arange(start + 1, start + 1 + len(part))
        further = tuple(array_column(extra[index - channels][start : start + size]) for index in chosen.fields)
        sequences = Sequences(values, bounds_of([rows * width] * len(part)))
        rejected, block = finite_sequences(numbers, sequences, further, chosen.columns)
        yield from rejected
        if len(block):
            yield replace(block, grid=(rows, width))


def _load(path: Path) -> tuple[NDArray[Any], dict[str, NDArray[Any]]]:
    """Return the pictures (n, H, W, C), and the arrays (n,) by name."""
    arrays = load_arrays(path)
    pixels = [array for array in arrays.values() if array.ndim in (3, 4) and array.dtype.kind in "fiub"]
    if len(pixels) != 1:
        shapes = [f"{name} ({' x '.join(map(str, array.shape))})" for name, array in arrays.items()]
        raise DataError(
            f"{path} must hold one array of pictures, (n, rows, columns) or (n, rows, columns, channels); it "
            f"holds {', '.join(shapes[:10]) or 'no array'}"
        )
    refuse_empty(path, pixels[0].shape)
    pictures = pixels[0] if pixels[0].ndim == 4 else pixels[0][..., None]
    usual = (1, 3, 4)
    if pictures.shape[1] in usual and pictures.shape[3] not in usual:
        raise DataError(
            f"{path} has pictures of shape {' x '.join(map(str, pictures.shape[1:]))}, which seem to "
            "begin with their channels: move these to the end, numpy.moveaxis(pictures, 1, -1)"
        )
    others = {name: array for name, array in arrays.items() if array.ndim == 1 and len(array) == len(pictures)}
    return pictures, others
