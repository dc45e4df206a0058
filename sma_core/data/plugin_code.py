"""Call tokenizers, checks and readers of plugins; a wrong result or an exception is one sentence.

Raised as `PluginError` with the function, the row, and what was expected; the exception is its cause.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sma_core.data import pairs
from sma_core.data.blocks import Block
from sma_core.data.records import EMPTY, NUL_BYTE, RejectedRow, Row
from sma_core.data.tokenizers import CharacterTokenizer, DiscreteTokenizer, EncodedRows, SpanTokenizer, totals
from sma_core.errors import DataError, PluginError, SmaError
from sma_core.printable import counted

CheckFunction = Callable[[list[str]], list[str | None]]
Check = str | CheckFunction
NormaliseFunction = Callable[[list[str]], list[str]]
Normalise = str | NormaliseFunction
R = TypeVar("R", Row, Block)

PASSED_ON = (SmaError, OSError, MemoryError)
"""Exceptions that are not defects of a plugin, or have a sentence of their own."""
SHOWN = 60
"""Characters of a row in messages."""


def encode(tokenizer: DiscreteTokenizer, texts: list[str], numbers: Sequence[int]) -> EncodedRows:
    """Encode rows; raises `PluginError` for an exception, another type, missing rows, or ids out of range.

    ``numbers`` are the row numbers in the file, for messages. Both texts of a pair end with the separator.
    """
    if any(pairs.MARK in text for text in texts):
        parts, counts = pairs.flattened(texts)
        both = encode(tokenizer, parts, np.repeat(numbers, counts).tolist())
        return EncodedRows(both.values, both.offsets[np.cumsum([0, *counts])])
    name = f"the tokenizer {tokenizer.name!r}"
    encoded = _result(tokenizer.encode, texts, numbers, f"{name} cannot encode")
    if not isinstance(encoded, EncodedRows):
        raise PluginError(f"encode of {name} must return EncodedRows, not {type(encoded).__name__}")
    if len(encoded) != len(texts):
        raise PluginError(
            f"encode of {name} returned {counted(len(encoded), 'row')} for {counted(len(texts), 'row')}"
        )
    ids = encoded.values
    if len(ids) and (int(ids.min()) < 0 or int(ids.max()) >= tokenizer.vocabulary_size):
        wrong = int(np.flatnonzero((ids < 0) | (ids >= tokenizer.vocabulary_size))[0])
        row = int(np.searchsorted(encoded.offsets, wrong, side="right")) - 1
        raise PluginError(
            f"{name} gave the id {ids[wrong]} for {_described(numbers[row], texts[row])}; ids must be from 0 to "
            f"{tokenizer.vocabulary_size - 1}, below its vocabulary_size"
        )
    return encoded


def character_counts(
    tokenizer: DiscreteTokenizer, texts: list[str], numbers: Sequence[int], offsets: NDArray[np.int64]
) -> EncodedRows:
    """Return the number of characters that each id of rows stands for; ``offsets`` (n + 1,) are those of the ids.

    ``numbers`` are the row numbers in the file, for messages. Raises `DataError` for a tokenizer that cannot tell,
    `PluginError` for counts that do not fit the ids or the texts.
    """
    name = f"the tokenizer {tokenizer.name!r}"
    call: Callable[[list[str]], object]
    if isinstance(tokenizer, SpanTokenizer):
        method, kinds, call = f"character_counts of {name}", "iu", tokenizer.character_counts
    elif isinstance(tokenizer, CharacterTokenizer):
        method, kinds, call = f"character_starts of {name}", "b", tokenizer.character_starts
    else:
        raise DataError(
            f"{name} cannot tell where characters begin, as labels of every position require: choose another with "
            "data.tokenizer, or give it the method character_counts"
        )
    counts: Any = _result(call, texts, numbers, f"{method} failed for")
    if not isinstance(counts, np.ndarray) or counts.dtype.kind not in kinds or counts.shape != (offsets[-1],):
        what = "True or False" if kinds == "b" else "integers"
        raise PluginError(f"{method} must return an array of {what}, one for each of {offsets[-1]:,} ids")
    if kinds == "iu" and len(counts) and int(counts.min()) < 0:
        raise PluginError(f"{method} gave {counts.min()}; an id stands for 0 characters or more")
    found = EncodedRows(counts.astype(np.int32), offsets)
    of_rows = totals(found)
    wrong = np.flatnonzero(of_rows != np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))
    if len(wrong):
        row = int(wrong[0])
        raise PluginError(
            f"{method} counts {of_rows[row]:,} characters, not {len(texts[row]):,}, in "
            f"{_described(numbers[row], texts[row])}"
        )
    return found


def reasons(check: Check, texts: list[str], numbers: Sequence[int]) -> list[str | None]:
    """Return why each row is unusable, None if usable; raises `PluginError` when the check does anything else.

    ``numbers`` are the row numbers in the file, for messages. Both texts of a pair are checked.
    """
    if any(pairs.MARK in text for text in texts):
        parts, counts = pairs.flattened(texts)
        rest = iter(reasons(check, parts, np.repeat(numbers, counts).tolist()))
        return [next(filter(None, list(islice(rest, count))), None) for count in counts]
    name = f"the check {function_name(check)}"
    function: CheckFunction = pkgutil.resolve_name(check) if isinstance(check, str) else check
    answers: Any = _result(function, texts, numbers, f"{name} failed for")
    if not isinstance(answers, list) or len(answers) != len(texts):
        given = f"a list of {len(answers):,}" if isinstance(answers, list) else type(answers).__name__
        raise PluginError(f"{name} must return a list of one item per row, {len(texts):,} here, not {given}")
    for number, text, answer in zip(numbers, texts, answers, strict=True):
        if answer is not None and not isinstance(answer, str):
            raise PluginError(
                f"{name} must return None or a reason, not {answer!r:.100}: {_described(number, text)}"
            )
    return answers


def normal_forms(normalise: Normalise, texts: list[str], numbers: Sequence[int]) -> list[str]:
    """Return the normal form of each row; raises `PluginError` when the function does anything else.

    ``numbers`` are the row numbers in the file, for messages. Both texts of a pair get their normal form.
    """
    if any(pairs.MARK in text for text in texts):
        parts, counts = pairs.flattened(texts)
        return pairs.regrouped(normal_forms(normalise, parts, np.repeat(numbers, counts).tolist()), counts)
    name = f"the normal form {function_name(normalise)}"
    function: NormaliseFunction = pkgutil.resolve_name(normalise) if isinstance(normalise, str) else normalise
    normal: Any = _result(function, texts, numbers, f"{name} failed for")
    if not isinstance(normal, list) or len(normal) != len(texts) or not all(isinstance(x, str) for x in normal):
        raise PluginError(f"{name} must return a list of one text per row, {len(texts):,} here")
    return normal


def read_texts(
    reader: Callable[..., Iterator[Row | RejectedRow]],
    path: Path,
    column: str | None,
    fields: Sequence[str],
    **names: object,
) -> Iterator[Row | RejectedRow]:
    """Yield rows of text; with two columns, ``"a,b"``, pairs. Errors are those of `read`."""
    first, *others = pairs.columns_of(column)
    records = read(reader, Row, path, first, [*others, *fields], **names)
    yield from (_paired(record, str(others[0])) for record in records) if others else records


def _paired(record: Row | RejectedRow, column: str) -> Row | RejectedRow:
    """Return a row whose first further field is the second text of a pair."""
    if isinstance(record, RejectedRow):
        return replace(record, fields=record.fields[1:])
    second, *fields = record.fields
    if not second.strip() or pairs.MARK in second:
        reason = NUL_BYTE if second.strip() else f"{EMPTY}: {column}"
        return RejectedRow(record.number, reason, record.text, tuple(fields), record.name)
    return replace(record, text=f"{record.text}{pairs.MARK}{second}", fields=tuple(fields))


def read(
    reader: Callable[..., Iterator[R | RejectedRow]], kind: type[R], path: Path, *columns: object, **names: object
) -> Iterator[R | RejectedRow]:
    """Yield what a reader reads; raises `PluginError` when it raises, or yields another type than ``kind``."""
    name = f"the reader {function_name(reader)}"
    last = 0
    try:
        for record in reader(path, *columns, **names):
            if not isinstance(record, kind | RejectedRow):
                raise PluginError(
                    f"{name} must yield {kind.__name__} or RejectedRow, not {type(record).__name__}, after row "
                    f"{last:,} of {path}"
                )
            if isinstance(record, Block):
                wrong = block_fault(record)
                if wrong is not None:
                    raise PluginError(f"{name} gave a block with {wrong}, after row {last:,} of {path}")
                last = int(record.numbers[-1]) if len(record) else last
            yield record
            last = last if isinstance(record, Block) else record.number
    except PASSED_ON:
        raise
    except Exception as error:
        raise PluginError(f"{name} failed after row {last:,} of {path}: {_reason(error)}") from error


def read_blocks(
    reader: Callable[..., Iterator[Block | RejectedRow]],
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    exclude: Sequence[str] = (),
    **options: object,
) -> Iterator[Block | RejectedRow]:
    """Yield the rows of numbers of a file; raises `PluginError` as `read` does.

    ``exclude`` are columns that are not features. A reader without an argument of that name reads them as further
    columns, which are then left out, as are features of these names.
    """
    knows = "exclude" in inspect.signature(reader).parameters
    own = {"exclude": tuple(exclude)} if exclude and knows else {}
    wanted = fields if knows else (*fields, *exclude)
    for record in read(reader, Block, path, columns, wanted, **own, **options):
        if isinstance(record, Block) and len(wanted) > len(fields):
            kept = len(fields)
            record = replace(record, fields=record.fields[:kept], written=record.written[:kept])
            record = record.without(exclude, columns)
        yield record


def block_fault(block: Block) -> str | None:
    """Return what is wrong with the shapes of a block; None for a correct one."""
    values, rows = block.values, len(block.numbers)
    small = block.offsets is not None and getattr(values, "dtype", None) == np.uint8
    if not isinstance(values, np.ndarray) or values.ndim != 2 or not (values.dtype.kind == "f" or small):
        return (
            f"values of shape {np.shape(values)} and type {getattr(values, 'dtype', type(values).__name__)}, "
            "where two dimensions of float32 are expected, or of uint8 or float16 for sequences"
        )
    if block.offsets is None and len(values) != rows:
        return f"{counted(len(values), 'row')} of values, but {counted(rows, 'row number')}"
    if block.offsets is not None:
        offsets = np.asarray(block.offsets)
        whole = offsets.ndim == 1 and len(offsets) == rows + 1 and offsets.dtype.kind in "iu"
        if not whole or offsets[0] != 0 or offsets[-1] != len(values) or bool((np.diff(offsets) < 0).any()):
            return f"offsets that are not {rows + 1:,} integers from 0 to {len(values):,}, in ascending order"
    if block.columns and len(block.columns) != values.shape[1]:
        return f"{counted(len(block.columns), 'name')} for {counted(values.shape[1], 'column')}"
    uneven = [len(field) for field in block.fields if len(field) != rows]
    return f"{counted(uneven[0], 'cell')} in a further column, but {counted(rows, 'row')}" if uneven else None


def function_name(function: str | Callable[..., object]) -> str:
    """Return the name ``"package.module:function"`` of a check or reader."""
    return function if isinstance(function, str) else f"{function.__module__}:{function.__qualname__}"


def _result(call: Callable[[list[str]], object], texts: list[str], numbers: Sequence[int], what: str) -> object:
    """Call a plugin's function on rows; when it raises, find the first row that it cannot take alone."""
    try:
        return call(texts)
    except PASSED_ON:
        raise
    except Exception as error:
        rows = (_described(*row) for row in zip(numbers, texts, strict=True) if _fails(call, row[1]))
        where = next(rows, f"{len(texts):,} rows at once")
        raise PluginError(f"{what} {where}: {_reason(error)}") from error


def _fails(call: Callable[[list[str]], object], text: str) -> bool:
    try:
        call([text])
    except Exception:
        return True
    return False


def _described(number: int, text: str) -> str:
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return f"row {number:,}, {shown!r}"


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return ": ".join([type(error).__name__, *lines[:1]])
