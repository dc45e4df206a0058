"""Convert text to ids: the tokenizer protocol, and the byte tokenizer of the paper.

Letters: n rows, T ids of all rows together, V vocabulary size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from sma_core.errors import PluginError
from sma_core.plugin_calls import errors_of, given

PAD, BOS, EOS, MASK, CLS, SEP = range(6)
SPECIAL_NAMES = ("[PAD]", "[BOS]", "[EOS]", "[MASK]", "[CLS]", "[SEP]")
BYTE_OFFSET = len(SPECIAL_NAMES)


@dataclass(frozen=True, slots=True)
class EncodedRows:
    """Concatenated ids of several rows: row i is ``values[offsets[i]:offsets[i + 1]]``."""

    values: NDArray[np.integer]
    """(T,) uint16, or uint32 for a large vocabulary; int16 for labels of ids."""
    offsets: NDArray[np.int64]
    """(n + 1,) int64, from 0 to T."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> NDArray[np.integer]:
        """Return a view of the ids of one row."""
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        index %= len(self)
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """(n,) number of ids in each row."""
        return np.diff(self.offsets)


@runtime_checkable
class DiscreteTokenizer(Protocol):
    """Converts texts to ids below ``vocabulary_size``; ``name`` and ``version`` are recorded in stores.

    One that loses a part of some texts, such as upper case, has the attribute ``lossy = True`` too.
    """

    @property
    def name(self) -> str:
        """Name under which the tokenizer is registered."""
        ...

    @property
    def version(self) -> str:
        """Version, which must change whenever the ids of any text change."""
        ...

    @property
    def vocabulary_size(self) -> int:
        """V, one more than the largest id."""
        ...

    @property
    def pad_id(self) -> int:
        """The id that pads rows to a common length."""
        ...

    @property
    def separator_id(self) -> int:
        """The id that ends every row."""
        ...

    @property
    def mask_id(self) -> int | None:
        """The id of a masked position, or None."""
        ...

    def encode(self, texts: Sequence[str]) -> EncodedRows:
        """Return the ids of all texts, each ending with the separator."""
        ...

    def decode(self, ids: NDArray[np.integer] | Sequence[int]) -> str:
        """Return the text of one row's ids, without special ids."""
        ...


@runtime_checkable
class CharacterTokenizer(DiscreteTokenizer, Protocol):
    """A tokenizer that knows at which id each character begins, as labels of characters require."""

    def character_starts(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return a mask (T,), True for each id of ``encode(texts)`` at which a character begins."""
        ...


@runtime_checkable
class SpanTokenizer(DiscreteTokenizer, Protocol):
    """A tokenizer whose ids may stand for several characters, which labels of characters then share."""

    def character_counts(self, texts: Sequence[str]) -> NDArray[np.integer]:
        """Return for each id of ``encode(texts)`` the number of characters that it stands for (T,).

        The ids of a row divide its text in order, so that the counts of a row add up to the length of its text;
        spaces between words, for example, belong to one of their neighbours. An id that stands for no character
        has 0: the separator and other special ids, and all ids of a character but the first.
        """
        ...


class ByteTokenizer:
    """Raw UTF-8 bytes: id = byte + 6, after PAD 0, BOS 1, EOS 2, MASK 3, CLS 4 and SEP 5.

    The separator is appended and nothing is prepended. Names of special ids inside a text are plain bytes.
    """

    name = "bytes"
    version = "1"
    vocabulary_size = 256 + BYTE_OFFSET
    pad_id = PAD
    separator_id = SEP
    mask_id = MASK

    # Byte 255 never occurs in UTF-8, so it marks the separator while rows are joined.
    _TABLE = np.append(np.arange(255, dtype=np.uint16) + BYTE_OFFSET, np.uint16(SEP)).astype(np.uint16)

    def encode(self, texts: Sequence[str]) -> EncodedRows:
        """Return the ids of all texts: values (T,) uint16 and offsets (n + 1,)."""
        if not texts:
            return EncodedRows(np.zeros(0, dtype=np.uint16), np.zeros(1, dtype=np.int64))
        joined = b"\xff".join([text.encode("utf-8") for text in texts]) + b"\xff"
        flat = np.frombuffer(joined, dtype=np.uint8)
        ends = np.flatnonzero(flat == 255) + 1
        return EncodedRows(self._TABLE[flat], np.concatenate([np.zeros(1, dtype=np.int64), ends]))

    def character_starts(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Return a mask (T,), True for each id of ``encode(texts)`` that is the first byte of a character."""
        ids = self.encode(texts).values
        # In UTF-8 the bytes 128 to 191 continue a character.
        return (ids >= BYTE_OFFSET) & ((ids < BYTE_OFFSET + 128) | (ids >= BYTE_OFFSET + 192))

    def decode(self, ids: NDArray[np.integer] | Sequence[int], keep_special: bool = False) -> str:
        """Return the text of one row's ids (n,); invalid UTF-8 becomes replacement characters."""
        parts: list[bytes] = []
        for value in np.asarray(ids, dtype=np.int64).tolist():
            if value >= BYTE_OFFSET:
                parts.append(bytes([value - BYTE_OFFSET]))
            elif keep_special:
                parts.append(SPECIAL_NAMES[value].encode())
        return b"".join(parts).decode("utf-8", "replace")


def is_lossy(tokenizer: DiscreteTokenizer) -> bool:
    """Return whether ``decode(encode(text))`` may be another text."""
    return bool(getattr(tokenizer, "lossy", False))


def text_of(tokenizer: DiscreteTokenizer, ids: NDArray[np.integer]) -> str:
    """Decode the ids (n,) of one row; raises `PluginError` when the tokenizer fails or gives no text."""
    kind = type(tokenizer)
    function = f"decode of the tokenizer {kind.__module__}:{kind.__qualname__}"
    with errors_of(function):
        text: object = tokenizer.decode(ids)
    if not isinstance(text, str):
        raise PluginError(f"{function} must return a str, not {given(text)}")
    return text


def text_of_ids(tokenizer: DiscreteTokenizer, ids: NDArray[np.integer]) -> tuple[str, ...]:
    """Return the text that each id (n,) of a row contributes; joined they are the row's text.

    A character of several ids belongs to the last of them. Raises `PluginError` as `text_of` does.
    """
    text, end = text_of(tokenizer, ids), 0
    parts: list[str] = []
    for count in range(1, len(ids) + 1):
        prefix = text if count == len(ids) else text_of(tokenizer, ids[:count])
        differing = (index for index, (a, b) in enumerate(zip(text, prefix, strict=False)) if a != b)
        known = next(differing, len(prefix))
        parts.append(text[end:known])
        end = max(end, known)
    return tuple(parts)


def too_long_reasons(encoded: EncodedRows, max_length: int) -> dict[int, str]:
    """Map the index of each row of more than ``max_length`` ids to the reason for its rejection."""
    lengths = encoded.lengths
    too_long = np.flatnonzero(lengths > max_length).tolist()
    return {index: f"too long: {lengths[index]} > {max_length}" for index in too_long}


def truncations(encoded: EncodedRows, max_length: int) -> dict[int, str]:
    """Map the index of each row that `shorten` truncates to a sentence."""
    lengths = encoded.lengths
    too_long = np.flatnonzero(lengths > max_length).tolist()
    return {index: f"truncated to {max_length:,} of {lengths[index]:,} ids" for index in too_long}


def shorten(encoded: EncodedRows, max_length: int, separator_id: int) -> EncodedRows:
    """Truncate rows to ``max_length`` ids, the last of them the separator."""
    lengths = encoded.lengths
    if not len(lengths) or int(lengths.max()) <= max_length:
        return encoded
    shorter = np.minimum(lengths, max_length)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(shorter)])
    values = encoded.values[gather_index(encoded.offsets[:-1], shorter)]
    values[offsets[1:][lengths > max_length] - 1] = separator_id
    return EncodedRows(values, offsets)


def totals(counts: EncodedRows) -> NDArray[np.int64]:
    """Return the sum of each row's values (n,)."""
    return np.diff(np.append(0, np.cumsum(counts.values, dtype=np.int64))[counts.offsets])


def first_of_each(encoded: EncodedRows, lengths: NDArray[np.int64]) -> EncodedRows:
    """Return the first ``lengths[i]`` values of each row i."""
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    return EncodedRows(encoded.values[gather_index(encoded.offsets[:-1], lengths)], offsets)


def select(encoded: EncodedRows, rows: NDArray[np.int64]) -> EncodedRows:
    """Return the rows (m,) of ``encoded``, in that order."""
    lengths = encoded.lengths[rows]
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(lengths)])
    return EncodedRows(encoded.values[gather_index(encoded.offsets[rows], lengths)], offsets)


def gather_index(starts: NDArray[np.int64], lengths: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the concatenated ranges ``starts[i] … starts[i] + lengths[i] - 1`` (sum of lengths,)."""
    ends = np.cumsum(lengths, dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    return np.repeat(starts - (ends - lengths), lengths) + np.arange(total, dtype=np.int64)
