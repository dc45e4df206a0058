"""The order of classes: numbers by size, names by their letters."""

from __future__ import annotations

import re
from collections.abc import Iterable

_WHOLE = re.compile(r"[+-]?\d+")


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Return the distinct names sorted; in numeric order when all of them are whole numbers."""
    distinct = sorted(set(names))
    if all(_WHOLE.fullmatch(name) for name in distinct):
        distinct.sort(key=int)
    return tuple(distinct)
