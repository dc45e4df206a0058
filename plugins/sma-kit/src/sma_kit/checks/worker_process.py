"""Use a plugin's parts in a spawned process, which imports them by reference as data preparation does."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from sma_core.children import CHILDREN

T = TypeVar("T")


def in_new_process(function: Callable[..., T], *arguments: object) -> T:
    """Call one of this module's functions in a spawned process; errors propagate."""
    with ProcessPoolExecutor(1, mp_context=CHILDREN) as pool:
        return pool.submit(function, *arguments).result()


def answers(reference: str, texts: list[str]) -> list[str | None]:
    """Call a check function."""
    reasons: list[str | None] = pkgutil.resolve_name(reference)(texts)
    return reasons


def ids(factory: str, texts: list[str]) -> list[list[int]]:
    """Build a tokenizer and encode ``texts``."""
    from sma_core.data.plugin_code import ids_of

    encoded = ids_of(pkgutil.resolve_name(factory)(), texts, range(1, len(texts) + 1))
    return [encoded[at].tolist() for at in range(len(encoded))]


def read_texts(
    factory: str, path: Path, column: str | None, usual: Sequence[str], most: int
) -> list[tuple[int, str]]:
    """Read at most ``most`` records of text; return row numbers with texts or rejection reasons."""
    records = islice(pkgutil.resolve_name(factory)(path, column, (), usual=usual), most)
    return [(record.number, getattr(record, "reason", record.text)) for record in records]


def read_values(factory: str, path: Path, columns: Sequence[str], names: Sequence[str]) -> list[Any]:
    """Read the first record of numbers; return the block's row numbers and values, or a rejection reason."""
    for record in pkgutil.resolve_name(factory)(path, columns, (), names=names):
        if hasattr(record, "reason"):
            return [record.number, record.reason]
        return [record.numbers.tolist(), record.values.tobytes()]
    return []


def all_parts(asked: Sequence[tuple[str, list[str], dict[str, Any]]]) -> list[list[list[int]]]:
    """Split rows with several splitters, each given by its reference, the rows and extra arguments."""
    divided = [pkgutil.resolve_name(name)(rows, 0.1, 0.1, 3, **needs) for name, rows, needs in asked]
    return [[part.tolist() for part in parts] for parts in divided]
