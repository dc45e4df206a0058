"""Call tokenizers, checks and readers of plugins; a wrong result or an exception is one sentence.

Raised as `PluginError` with the function, the row, and what was expected; the exception is its cause.
"""

from __future__ import annotations

import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from sma_core.data import pairs
from sma_core.data.blocks import Block
from sma_core.data.encoded_rows import RowFault, compact, encoded_rows, fault_of_range, fault_of_special_ids
from sma_core.data.readers.features import finite_rows
from sma_core.data.record_faults import RecordFaults, with_arrays
from sma_core.data.records import EMPTY, NUL_BYTE, RejectedRow, Row
from sma_core.data.tokenizers import CharacterTokenizer, DiscreteTokenizer, EncodedRows, SpanTokenizer, totals
from sma_core.errors import DataError, PluginError
from sma_core.plugin_calls import PASSED_ON, given, reason_of_failure

CheckFunction = Callable[[list[str]], list[str | None]]
Check = str | CheckFunction
NormaliseFunction = Callable[[list[str]], list[str]]
Normalise = str | NormaliseFunction
R = TypeVar("R", Row, Block)

SHOWN = 60
"""Characters of a row in messages."""


def encode(tokenizer: DiscreteTokenizer, texts: list[str], numbers: Sequence[int]) -> EncodedRows:
    """Encode rows; raises `PluginError` as `ids_of`, for rows without final separator, or with padding or masks.

    ``numbers`` are the row numbers in the file, for messages. Both texts of a pair end with the separator.
    """
    if any(pairs.MARK in text for text in texts):
        parts, counts = pairs.flattened(texts)
        both = encode(tokenizer, parts, np.repeat(numbers, counts).tolist())
        return EncodedRows(both.values, both.offsets[np.cumsum([0, *counts])])
    encoded = ids_of(tokenizer, texts, numbers)
    _check_ids(fault_of_special_ids(tokenizer, encoded), tokenizer, texts, numbers)
    return encoded


def ids_of(tokenizer: DiscreteTokenizer, texts: list[str], numbers: Sequence[int]) -> EncodedRows:
    """Return the ids of rows, which a tokenizer may give as lists; arguments as in `encode`.

    Raises `PluginError` for an exception, another type, missing rows, or ids out of range.
    """
    name = tokenizer_name(tokenizer)
    result = _result(tokenizer.encode, texts, numbers, f"{name} cannot encode")
    encoded = encoded_rows(result, len(texts), name, lambda row: _described(numbers[row], texts[row]))
    _check_ids(fault_of_range(tokenizer, encoded), tokenizer, texts, numbers)
    return compact(encoded, tokenizer.vocabulary_size)


def _check_ids(fault: RowFault, tokenizer: DiscreteTokenizer, texts: list[str], numbers: Sequence[int]) -> None:
    if fault is not None:
        index, sentence = fault
        row = _described(numbers[index], texts[index])
        raise PluginError(f"{tokenizer_name(tokenizer)} {sentence.replace('{row}', row)}")


def character_counts(
    tokenizer: DiscreteTokenizer, texts: list[str], numbers: Sequence[int], offsets: NDArray[np.int64]
) -> EncodedRows:
    """Return the number of characters that each id of rows stands for; ``offsets`` (n + 1,) are those of the ids.

    ``numbers`` are the row numbers in the file, for messages. Raises `DataError` for a tokenizer that cannot tell,
    `PluginError` for counts that do not fit the ids or the texts.
    """
    name = tokenizer_name(tokenizer)
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
    rows = EncodedRows(counts.astype(np.int32), offsets)
    of_rows = totals(rows)
    wrong = np.flatnonzero(of_rows != np.fromiter(map(len, texts), dtype=np.int64, count=len(texts)))
    if len(wrong):
        row = int(wrong[0])
        raise PluginError(
            f"{method} counts {of_rows[row]:,} characters, not {len(texts[row]):,}, in "
            f"{_described(numbers[row], texts[row])}"
        )
    return rows


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
        returned = f"a list of {len(answers):,}" if isinstance(answers, list) else type(answers).__name__
        raise PluginError(f"{name} must return a list of one item per row, {len(texts):,} here, not {returned}")
    for number, text, answer in zip(numbers, texts, answers, strict=True):
        if answer is not None and not (isinstance(answer, str) and answer.strip()):
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
    faults = RecordFaults(len(columns[1]) if len(columns) > 1 and isinstance(columns[1], Sequence) else 0)
    check: Callable[[Any], str | None] = faults.of if kind is Block else faults.of_text
    try:
        records = reader(path, *columns, **names)
        if not isinstance(records, Iterable):
            raise PluginError(f"{name} must yield {kind.__name__} or RejectedRow, but returned {given(records)}")
        for record in records:
            if not isinstance(record, kind | RejectedRow):
                raise PluginError(
                    f"{name} must yield {kind.__name__} or RejectedRow, not {type(record).__name__}, after row "
                    f"{faults.last:,} of {path}"
                )
            record = with_arrays(record) if isinstance(record, Block) else record
            before, wrong = faults.last, check(record)
            if wrong is not None:
                what = "a block with " if isinstance(record, Block) else ""
                raise PluginError(f"{name} gave {what}{wrong}, after row {before:,} of {path}")
            yield record
    except PASSED_ON:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(
            f"{name} failed after row {faults.last:,} of {path}: {reason_of_failure(error)}"
        ) from error


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
    columns, which are then left out, as are features of these names. Rows with an infinite number are rejected, as
    those of files are.
    """
    knows = "exclude" in inspect.signature(reader).parameters
    own = {"exclude": tuple(exclude)} if exclude and knows else {}
    wanted = fields if knows else (*fields, *exclude)
    for record in read(reader, Block, path, columns, wanted, **own, **options):
        if isinstance(record, Block) and len(wanted) > len(fields):
            kept = len(fields)
            record = replace(record, fields=record.fields[:kept], written=record.written[:kept])
            record = record.without(exclude, columns)
        if isinstance(record, Block):
            yield from finite_rows(record, record.names(columns))
        else:
            yield record


def tokenizer_name(tokenizer: DiscreteTokenizer) -> str:
    """Return the name of a tokenizer and of its class, for messages."""
    return f"the tokenizer {tokenizer.name!r} ({function_name(type(tokenizer))})"


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
        raise PluginError(f"{what} {where}: {reason_of_failure(error)}") from error


def _fails(call: Callable[[list[str]], object], text: str) -> bool:
    try:
        call([text])
    except Exception:
        return True
    return False


def _described(number: int, text: str) -> str:
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return f"row {number:,}, {shown!r}"
