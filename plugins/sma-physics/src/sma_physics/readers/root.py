"""Reader of ROOT files of numbers, in blocks (extra ``root``).

A row is an entry of a tree, a column one of its branches with one number an entry. A file with several trees
is read where only one of them has all the columns that are asked for. Branches with a varying count of
numbers have no place in a table: choose others with ``data.columns``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_physics.readers.blocks import is_numeric, make_block, not_numbers, not_there, rows_in_block

_TREES = ("TTree", "TNtuple", "TNtupleD")


def read_root(
    path: Path, columns: Sequence[str], fields: Sequence[str], *, names: Sequence[str] = ()
) -> Iterator[Block | RejectedRow]:
    """Stream the entries of ``path`` in blocks; branches have names of their own, so ``names`` is not used.

    Raises `DataError` when uproot is not installed, the file is none of ROOT, or its branches do not fit.
    """
    try:
        import uproot
    except ImportError as error:
        raise DataError("to read ROOT files: pip install 'sma-physics[root]'") from error
    if not path.is_file():
        raise not_there(path)
    try:
        with uproot.open(path) as file:
            yield from _read(path, _choose_tree(file, {*columns, *fields}, path), columns, fields)
    except (OSError, ValueError, KeyError, NotImplementedError, uproot.DeserializationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is no readable ROOT file: {reason or type(error).__name__}") from error


def _choose_tree(file: Any, asked: set[str], path: Path) -> Any:  # noqa: ANN401 - uproot has no types
    """Return the one tree of the file that has the branches asked for."""
    classes = file.classnames(recursive=True, cycle=False)
    trees = {name: file[name] for name, kind in classes.items() if kind in _TREES}
    if not trees:
        raise DataError(f"{path} holds no tree; it holds {', '.join(sorted(set(classes.values()))) or 'nothing'}")
    if len(trees) == 1:
        return next(iter(trees.values()))
    fitting = [tree for tree in trees.values() if asked and asked <= set(tree.keys())]
    if len(fitting) != 1:
        raise DataError(
            f"{path} holds {len(trees)} trees ({', '.join(trees)}), and {len(fitting)} of them have the branches "
            "asked for; name branches of one tree with data.columns"
        )
    return fitting[0]


def _read(
    path: Path,
    tree: Any,  # noqa: ANN401 - uproot has no types
    columns: Sequence[str],
    fields: Sequence[str],
) -> Iterator[Block | RejectedRow]:
    chosen = Chosen.among(tree.keys(), columns, fields, path)
    for name in chosen.columns:
        kind = getattr(tree[name].interpretation, "to_dtype", None)
        if kind is None or kind.shape or not is_numeric(kind):
            raise not_numbers(path, name, tree[name].typename)
    if not tree.num_entries:
        raise no_rows(path)
    wanted = list(dict.fromkeys((*chosen.columns, *fields)))
    start = 0
    for part in tree.iterate(wanted, step_size=rows_in_block(len(wanted)), library="np"):
        features, others = ([np.asarray(part[name]) for name in group] for group in (chosen.columns, fields))
        yield from make_block(start, features, others, chosen.columns)
        start += len(features[0])
