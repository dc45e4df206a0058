"""Guess what labels are from the first rows of a file: numbers, classes, or a symbol for each position.

The guess reads `ROWS_SAMPLED` rows, and more until it has seen two different labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sma_core.data import plugin_code
from sma_core.data.blocks import Block
from sma_core.data.labels import label_name, limit_of, symbols_of, to_number
from sma_core.data.readers.other_columns import class_name
from sma_core.data.records import MISSING, MISSING_CLASSES, Row
from sma_core.data.remote.files import local_copy
from sma_core.data.store.format import LabelForm
from sma_core.errors import ConfigError, DataError
from sma_core.files import sha256_of_facts
from sma_core.plugins.registry import Registry
from sma_core.printable import counted
from sma_core.sources.data_sets import Source, open_reader

ROWS_SAMPLED = 1000
SHORTEST_SYMBOLS = 4
"""Labels as long as their rows are symbols of positions if one of them has this many characters."""
FEW_ROWS = 10
"""With fewer rows, names that all differ may be classes."""
POSITIVE = frozenset(
    ("1", "true", "t", "yes", "y", "positive", "pos", "p", "+", "active", "actives", "binder", "toxic", "case")
) | {"signal", "sig", "s", "g"}
"""Names of classes, in lower case, that are the positive one of two."""
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+")


@dataclass(frozen=True)
class LabelGuess:
    """The form of labels, ``values`` the two names of binary labels, the positive last, and what tells it."""

    form: LabelForm
    basis: str
    values: tuple[str, ...] = ()


def guess_labels(
    registry: Registry,
    source: Source,
    targets: Sequence[str],
    extras: Sequence[str],
    positive: str | None = None,
    exclude: Sequence[str] = (),
) -> LabelGuess:
    """Guess the form of a target column; ``extras`` are further columns to read, ``exclude`` others, no features.

    ``positive`` names the positive class of two. Raises `DataError` when the labels are neither numbers nor
    classes, or there is no such class.
    """

    def guess() -> LabelGuess:
        read = (*targets, *extras)
        others = [name for name in exclude if name not in read and not source.columns]
        rows = _rows(registry, source, read, others)
        return _guess(list(_sample(rows)), targets[0], positive, source.label)

    if len(targets) != 1:
        if positive is not None:
            raise ConfigError(
                f"`positive` names a class of one target, but there are {len(targets)}: leave it out"
            )
        return LabelGuess("numbers", f"labels in {counted(len(targets), 'column')}")
    if isinstance(source.file, Path):
        return guess()
    # cached, so that a prepared file is not fetched again for the guess
    key = sha256_of_facts({"targets": targets, "extras": extras, "positive": positive})[:16]
    return source.file.cached(f"label-guess-{source.reader.name}-{key}", guess, LabelGuess)


def _guess(pairs: Sequence[tuple[str, str]], target: str, positive: str | None, where: str) -> LabelGuess:
    """Guess from pairs of a text, empty for rows of numbers, and a label, which may be ``none`` or ``-``."""
    sample = [(text, label) for text, label in pairs if label.lower() not in MISSING]
    doubtful = next((label for _, label in pairs if label.lower() in MISSING), None)
    rows = f"the first {counted(len(sample), 'labelled row')}"
    names = list(dict.fromkeys(label_name(label) for _, label in sample))
    if positive is not None:
        return LabelGuess(
            "numbers", f"the positive class {positive!r}", _with_positive(names, positive, target, where)
        )
    if _are_symbols(sample):
        return LabelGuess("symbols", f"labels as long as the text in {rows}")
    texts = [label for _, label in sample if to_number(label) is None]
    if not sample or len(texts) <= len(sample) / 2:
        if set(names) == {"-1", "1"}:
            return LabelGuess("numbers", f"the values -1 and 1 in {rows}", ("-1", "1"))
        return LabelGuess("numbers", f"numbers in {rows}{_few_numbers(names)}")
    limits = [label for label in texts if limit_of(label) is not None]
    if len(limits) > len(texts) / 2:
        raise DataError(
            f"{where}: the target {target!r} has limits, as in {limits[0]!r}: `censored_labels=true` reads them; "
            "if the labels are names of classes, pass `kind=multiclass`"
        )
    if sum(_DECIMAL_COMMA.fullmatch(text) is not None for text in texts) > len(texts) / 2:
        raise DataError(
            f"{where}: the target {target!r} has decimal commas, as in {texts[0]!r}: write decimal points; if the "
            "labels are names of classes, pass `kind=multiclass`"
        )
    if doubtful is not None and len(names) == 2:
        raise DataError(
            f"{where}: the target {target!r} has the names {names[0]!r} and {names[1]!r}, and {doubtful!r}, which "
            f"may be a third class or mean that the label is missing: pass `kind=multiclass`, or for a missing "
            f"label name the positive class of the two, such as `positive={_in_order(names)[1]}`"
        )
    if doubtful is not None:
        names, rows = [*names, doubtful], f"the first {counted(len(pairs), 'labelled row')}"
    if len(names) == 2:
        values = _in_order(names)
        return LabelGuess("numbers", f"the names {values[0]!r} and {values[1]!r} in {rows}", values)
    if len(names) > len(sample) / 2 and len(sample) >= FEW_ROWS:
        raise DataError(
            f"{where}: the target {target!r} has {len(names):,} different names in {rows}, such as {names[0]!r} "
            f"and {names[1]!r}, which are neither numbers nor classes: name another column with `targets`, or "
            "pass `kind=multiclass` if they are classes"
        )
    return LabelGuess("classes", f"{len(names):,} names in {rows}")


def _with_positive(names: Sequence[str], positive: str, target: str, where: str) -> tuple[str, ...]:
    """Return the two names with the positive one last."""
    wanted = label_name(positive)
    if len(names) != 2 or wanted not in names:
        shown = ", ".join(map(repr, names[:8])) + (", …" if len(names) > 8 else "")
        raise DataError(
            f"{where}: `positive={positive}` needs a target of two classes, of which it names one, but {target!r} "
            f"has {shown or 'no label'}"
        )
    return (next(name for name in names if name != wanted), wanted)


def _in_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return two names with the positive one last: the only one in `POSITIVE`, else the second when sorted."""
    first, second = sorted(names)
    positive = [name.lower() in POSITIVE for name in (first, second)]
    return (second, first) if positive == [True, False] else (first, second)


def _are_symbols(sample: Sequence[tuple[str, str]]) -> bool:
    """Return whether nine of ten labels have a symbol for each character of their text, and are not numbers."""
    fitting = [label for text, label in sample if text and len(symbols_of(Row(0, text, (label,)))) == len(text)]
    if len(fitting) < 0.9 * len(sample) or max(map(len, fitting), default=0) < SHORTEST_SYMBOLS:
        return False
    digits = [label for label in fitting if to_number(label) is not None]
    return len(digits) < len(fitting) / 2 or any(label.isdigit() and label[0] == "0" for label in digits)


def _few_numbers(names: Sequence[str]) -> str:
    """Return a remark on numbers that may be the numbers of classes."""
    if not 2 <= len(names) <= 10 or set(names) <= {"0", "1"} or not all(re.fullmatch(r"-?\d+", n) for n in names):
        return ""
    listed = ", ".join(sorted(names, key=int))
    return f", which are only {listed}: if these are classes, pass `kind=multiclass`"


def _sample(rows: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield text and label of the rows with a label, or with one of `MISSING` that may be a class."""
    names: set[str] = set()
    for number, (text, label) in enumerate(rows):
        if number >= ROWS_SAMPLED and len(names) > 1:
            return
        if label.lower() not in MISSING_CLASSES:
            names |= set() if label.lower() in MISSING else {label}
            if number < ROWS_SAMPLED or len(names) > 1:
                yield text, label


def _rows(
    registry: Registry, source: Source, fields: tuple[str, ...], exclude: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Yield text, empty for rows of numbers, and the first field of each readable row."""
    read = open_reader(registry, source)
    with local_copy(source.file, finished=False) as path:
        if source.reader.reads == "blocks":
            chosen = (source.columns, fields, exclude)
            for record in plugin_code.read_blocks(read, path, *chosen, names=source.names, **source.options):
                if isinstance(record, Block):
                    yield from (
                        ("", class_name(value)) for value in islice(record.fields[0].tolist(), len(record))
                    )
            return
        usual = registry.domain.columns
        for row in plugin_code.read_texts(read, path, source.column, fields, usual=usual, **source.options):
            if isinstance(row, Row):
                yield row.text, row.fields[0]
