"""Turn what a plugin's tokenizer returns into `EncodedRows`, and say what is wrong with it.

Letters: n rows, T ids of all rows together.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sma_core.data.tokenizers import DiscreteTokenizer, EncodedRows
from sma_core.errors import PluginError
from sma_core.plugin_calls import given
from sma_core.printable import counted


def encoded_rows(result: object, count: int, name: str, describe: Callable[[int], str]) -> EncodedRows:
    """Return the ids of ``count`` rows as arrays; ``name`` is that of the tokenizer, for messages.

    ``describe`` gives the row of an index in words. ``result`` are `EncodedRows`, also of lists, or a list with
    the ids of each row. Raises `PluginError` for anything else, naming the row.
    """
    if not isinstance(result, EncodedRows | list):
        raise PluginError(
            f"encode of {name} must return EncodedRows, or a list with the ids of each row, not {given(result)}"
        )
    if len(result) != count:
        raise PluginError(f"encode of {name} returned {counted(len(result), 'row')} for {counted(count, 'row')}")
    if isinstance(result, list):
        lengths = [_length(ids, name, describe, index) for index, ids in enumerate(result)]
        offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths, dtype=np.int64)])
        return EncodedRows(np.array(list(chain.from_iterable(result)), dtype=np.int64), offsets)
    values, offsets = _array(result.values, "values", name), _array(result.offsets, "offsets", name)
    if offsets[0] != 0 or offsets[-1] != len(values) or bool((np.diff(offsets) < 0).any()):
        raise PluginError(
            f"encode of {name} must return EncodedRows whose offsets ascend from 0 to the number of ids, "
            f"{len(values):,}, not from {offsets[0]:,} to {offsets[-1]:,}"
        )
    return EncodedRows(values, offsets.astype(np.int64, copy=False))


def _length(ids: object, name: str, describe: Callable[[int], str], index: int) -> int:
    """Return the number of ids of a row; raises `PluginError` unless they are a list or an array of integers."""
    if isinstance(ids, np.ndarray) and ids.ndim == 1 and ids.dtype.kind in "iu":
        return len(ids)
    wrong = ids
    if isinstance(ids, list | tuple):
        if all(type(one) is int or _is_integer(one) for one in ids):
            return len(ids)
        wrong = next(one for one in ids if not _is_integer(one))
    raise PluginError(
        f"encode of {name} must return a list of ids for each row, whole numbers, not {wrong!r:.60} for "
        f"{describe(index)}"
    )


def _is_integer(one: object) -> bool:
    return isinstance(one, Integral) and not isinstance(one, bool)


def _array(part: Any, attribute: str, name: str) -> NDArray[Any]:  # noqa: ANN401 - whatever the plugin gives
    """Return an array of integers, also of a list; raises `PluginError` for anything else."""
    if isinstance(part, list | tuple) and all(map(_is_integer, part)):
        return np.array(part, dtype=np.int64)
    if isinstance(part, np.ndarray) and part.ndim == 1 and part.dtype.kind in "iu":
        return part
    raise PluginError(
        f"encode of {name} must return EncodedRows whose {attribute} are integers in one dimension, not "
        f"{given(part)}"
    )


RowFault = tuple[int, str] | None
"""The index of the first wrong row and what is expected of its ids, with ``{row}`` for the row; None if right."""


def fault_of_range(tokenizer: DiscreteTokenizer, encoded: EncodedRows) -> RowFault:
    """Return whether ids are outside the vocabulary."""
    ids, size = encoded.values, tokenizer.vocabulary_size
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= size):
        wrong = int(np.flatnonzero((ids < 0) | (ids >= size))[0])
        return _row_of(encoded, wrong), (
            f"gave the id {ids[wrong]} for {{row}}; ids must be from 0 to {size - 1}, below its vocabulary_size"
        )
    return None


def fault_of_special_ids(tokenizer: DiscreteTokenizer, encoded: EncodedRows) -> RowFault:
    """Return whether a row lacks its final separator, or has padding or a mask inside."""
    ids, offsets = encoded.values, encoded.offsets
    lengths = encoded.lengths
    unended: NDArray[Any] = lengths == 0
    unended[~unended] = ids[offsets[1:][~unended] - 1] != tokenizer.separator_id
    if bool(unended.any()):
        return int(np.flatnonzero(unended)[0]), (
            f"must end the ids of every row with its separator_id, {tokenizer.separator_id}, also those of {{row}}"
        )
    inside: NDArray[Any] = np.ones(len(ids), dtype=bool)
    inside[offsets[1:] - 1] = False
    for attribute in ("pad_id", "mask_id"):
        special = getattr(tokenizer, attribute)
        positions = np.flatnonzero(inside & (ids == special)) if special is not None else ids[:0]
        if len(positions):
            return _row_of(encoded, int(positions[0])), (
                f"gave its {attribute}, {special}, inside {{row}}; padding and masks are the core's, and no text "
                "may contain them"
            )
    return None


def _row_of(encoded: EncodedRows, position: int) -> int:
    return int(np.searchsorted(encoded.offsets, position, side="right")) - 1


def compact(encoded: EncodedRows, vocabulary_size: int) -> EncodedRows:
    """Return ids in range as uint16, or as uint32 for a large vocabulary."""
    if encoded.values.dtype in (np.uint16, np.uint32):
        return encoded
    kind = np.uint16 if vocabulary_size <= 65_536 else np.uint32
    return EncodedRows(encoded.values.astype(kind), encoded.offsets)
