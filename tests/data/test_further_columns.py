"""Further columns and grids of blocks of plugins: lists are taken, anything else is a sentence."""

from pathlib import Path

import numpy as np
import pytest

from sma_core.data.blocks import Block
from sma_core.data.plugin_code import read_blocks
from sma_core.errors import PluginError

VALUES = np.ones((2, 3), dtype=np.float32)


def read(cells, grid=()):
    def reader(path, columns, fields, *, names=()):
        yield Block(np.array([1, 2]), VALUES, (cells,), grid=grid)

    return list(read_blocks(reader, Path("rows.own"), (), ("label",)))


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        ([0.5, 1], [0.5, 1.0]),
        (["a", "b"], ["a", "b"]),
        (np.array([3, 4]), [3.0, 4.0]),
        (np.array(["a", "b"], dtype=object), ["a", "b"]),
        (np.array([1.5, np.nan]), [1.5, np.nan]),
    ],
)
def test_numbers_and_texts_are_taken(cells, kept):
    ((block),) = read(cells)
    assert isinstance(block.fields[0], np.ndarray)
    assert str(block.fields[0].tolist()) == str(kept)


@pytest.mark.parametrize(
    "cells",
    [
        np.array([True, False]),
        np.array([1j, 2]),
        np.array(["2024-01-01", "2024-01-02"], dtype="datetime64[D]"),
        np.array([None, "a"], dtype=object),
        np.ones((2, 2)),
        [None, 1.0],
    ],
)
def test_other_columns_are_a_sentence(cells):
    with pytest.raises(PluginError, match=r"a further column of type .* of objects of type str, is expected"):
        read(cells)


@pytest.mark.parametrize("grid", ["ab", (0, 3), (1.5,), [3, 1]])
def test_a_grid_is_a_tuple_of_sizes(grid):
    with pytest.raises(PluginError, match="a grid that is not a tuple of whole numbers from 1"):
        read([1.0, 2.0], grid)


def test_a_reader_that_exits_is_a_sentence():
    def reader(path, columns, fields, *, names=()):
        raise SystemExit("bye")
        yield

    with pytest.raises(PluginError, match=r"failed after row 0 of rows\.own: SystemExit: bye"):
        list(read_blocks(reader, Path("rows.own"), (), ()))
