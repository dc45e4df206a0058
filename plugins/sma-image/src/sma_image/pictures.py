"""Block reader of pictures: a folder, a picture file, or an array of pixels in a NumPy file.

A row has a position for each pixel, row by row from the top left, with one channel (grey) or three. All pictures
have one size: that of the option ``size``, to which each is scaled and cropped at the centre, or their own, which
must be equal. Labels are the names of the folders that directly contain the pictures.

Letters: n pictures, H x W pixels, C channels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sma_core.data.blocks import Block
from sma_core.data.readers.features import Chosen, remaining
from sma_core.data.records import RejectedRow
from sma_core.data.sequences import bounds_of
from sma_image.arrays import read_array
from sma_image.folders import FIELDS, PictureFile, picture_files, tell_strays
from sma_image.shapes import Shape, check_equal

VALUES_IN_BLOCK = 1 << 22
MOST_PIXELS = 50_000_000
"""Largest picture that is decoded."""
_DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
"""Modes with pixels of more than 8 bits, which Pillow would clip."""


def read_pictures(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    size: str | int | None = None,
    mode: str | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield pictures in blocks; ``names`` are those of the channels of an array.

    ``exclude`` are channels that are not read.

    Raises `DataError` when there is no picture, or when pictures differ in size and ``size`` is None.
    """
    shape = Shape.of(size, mode)
    if path.suffix.lower() in (".npy", ".npz"):
        yield from read_array(path, (columns, fields, exclude), names, shape)
        return
    wanted = columns or remaining(shape.channels, exclude, path)
    chosen = Chosen.among([*shape.channels, *FIELDS], wanted, fields, path, exclude)
    waiting: list[tuple[int, PictureFile, NDArray[np.uint8]]] = []
    first: tuple[int, int] | None = None
    files = picture_files(path)
    if FIELDS[0] in fields:
        tell_strays(path, files)
    for number, file in enumerate(files, start=1):
        pixels = _pixels(file.path, shape)
        if isinstance(pixels, str):
            yield RejectedRow(number, pixels, file.name, _fields(file, fields), file.name)
            continue
        first = first or pixels.shape[:2]
        check_equal(first, pixels.shape[:2], file.name, path)
        waiting.append((number, file, pixels))
        if sum(part.size for _, _, part in waiting[:1]) * len(waiting) >= VALUES_IN_BLOCK:
            yield _block(waiting, chosen, fields)
            waiting = []
    if waiting:
        yield _block(waiting, chosen, fields)


def _block(
    pictures: Sequence[tuple[int, PictureFile, NDArray[np.uint8]]], chosen: Chosen, fields: Sequence[str]
) -> Block:
    """Return the block of pictures (H, W, C) of one size."""
    stacked = np.stack([pixels for _, _, pixels in pictures])  # (n, H, W, C)
    count, rows, columns, channels = stacked.shape
    values = stacked.reshape(count * rows * columns, channels)[:, list(chosen.features)]
    texts = zip(*(_fields(file, fields) for _, file, _ in pictures), strict=True)
    return Block(
        np.array([number for number, _, _ in pictures]),
        values,
        tuple(np.array(column, dtype=object) for column in texts),
        chosen.columns,
        bounds_of([rows * columns] * count),
        grid=(rows, columns),
    )


def _fields(file: PictureFile, fields: Sequence[str]) -> tuple[str, ...]:
    known = dict(zip(FIELDS, file.fields, strict=True))
    return tuple(known[name] for name in fields)


def _pixels(path: Path, shape: Shape) -> NDArray[np.uint8] | str:
    """Return the pixels (H, W, C) of a file, or why it cannot be used."""
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                return f"too large: {picture.width:,} x {picture.height:,} pixels, of at most {MOST_PIXELS:,}"
            frames = getattr(picture, "n_frames", 1)
            if frames > 1:
                return f"has several frames: {frames:,}"
            if picture.mode in _DEEP:
                return f"has pixels of more than 8 bits: mode {picture.mode}"
            upright = ImageOps.exif_transpose(picture)
            image = _opaque(upright).convert(shape.converted)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, UnidentifiedImageError) as error:
        return f"not a readable picture: {' '.join(str(error).split())[:100] or type(error).__name__}"
    if shape.size is not None and (image.height, image.width) != shape.size:
        image = ImageOps.fit(image, (shape.size[1], shape.size[0]))
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], len(shape.channels))  # (H, W) or (H, W, 3) -> (H, W, C)


def _opaque(image: Image.Image) -> Image.Image:
    """Return a picture without transparency, on white."""
    if not image.has_transparency_data:
        return image
    ground = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(ground, image.convert("RGBA"))
