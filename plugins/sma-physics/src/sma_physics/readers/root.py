"""Block reader of numeric ROOT files (extra ``root``).

Rows are the entries of a tree (TTree or RNTuple), columns are its branches with one number per entry. If a file
has several trees, ``tree`` selects one, or exactly one of them must have all requested columns. Branches with
lists of numbers, such as one for each particle of a jet, are channels, and rows are then sequences of vectors;
branches with the lengths of lists are no features.

Letters: n entries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sma_core.data.blocks import Block
from sma_core.data.readers import no_rows
from sma_core.data.readers.features import Chosen
from sma_core.data.readers.list_columns import choose_kind, lists_block
from sma_core.data.readers.other_columns import array_column
from sma_core.data.records import RejectedRow
from sma_core.errors import DataError
from sma_physics.readers.blocks import is_numeric, make_block, not_numbers, not_there, rows_in_block

_TREES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple", "ROOT::Experimental::RNTuple")
ENTRIES_OF_LISTS = 4_096
_NUMBERS = re.compile(r"(std::)?u?int(8|16|32|64)_t|double|float|bool|char")
"""Types of the fields of an RNTuple with one number per entry."""


def read_root(
    path: Path,
    columns: Sequence[str],
    fields: Sequence[str],
    *,
    names: Sequence[str] = (),
    tree: str | None = None,
    exclude: Sequence[str] = (),
) -> Iterator[Block | RejectedRow]:
    """Yield the entries of ``path`` in blocks; ``names`` is not used, since branches have names.

    ``exclude`` are branches that are not read.

    Raises `DataError` if uproot is not installed, the file is not a ROOT file, or the branches do not match.
    """
    try:
        import uproot
    except ImportError as error:
        raise DataError("to read ROOT files: pip install 'sma-physics[root]'") from error
    if not path.is_file():
        raise not_there(path)
    try:
        with uproot.open(path) as file:
            yield from _read(path, _choose_tree(file, tree, {*columns, *fields}, path), columns, fields, exclude)
    except (OSError, ValueError, KeyError, NotImplementedError, uproot.DeserializationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not a readable ROOT file: {reason or type(error).__name__}") from error


def _choose_tree(
    file: Any,  # noqa: ANN401 - uproot has no types
    name: str | None,
    requested: set[str],
    path: Path,
) -> Any:  # noqa: ANN401
    """Return the tree ``name``, or the one that has the requested branches."""
    classes = file.classnames(recursive=True, cycle=False)
    trees = {name: file[name] for name, kind in classes.items() if kind in _TREES}
    if not trees:
        raise DataError(f"{path} has no tree; it has {', '.join(sorted(set(classes.values()))) or 'nothing'}")
    if name is not None:
        if name not in trees:
            raise DataError(f"{path} has no tree {name!r}; its trees are: {', '.join(trees)}")
        return trees[name]
    if len(trees) == 1:
        return next(iter(trees.values()))
    fitting = [tree for tree in trees.values() if requested and requested <= set(tree.keys())]
    if len(fitting) != 1:
        fit = f", of which {len(fitting)} have the requested branches" if requested else ""
        raise DataError(f"{path} has {len(trees)} trees ({', '.join(trees)}){fit}; name one with data.tree=NAME")
    return fitting[0]


def _read(
    path: Path,
    tree: Any,  # noqa: ANN401 - uproot has no types
    columns: Sequence[str],
    fields: Sequence[str],
    exclude: Sequence[str],
) -> Iterator[Block | RejectedRow]:
    apart = {*exclude, *(_counters(tree) - set(fields))}
    chosen = Chosen.among(tree.keys(), columns, fields, path, tuple(apart))
    if not tree.num_entries:
        raise no_rows(path)
    _refuse_records(tree, chosen.columns, path)
    lists = [name for name in chosen.columns if not _is_number(tree[name])]
    for name in lists:
        if not _is_list(tree[name]):
            raise not_numbers(path, name, tree[name].typename)
    branches = list(dict.fromkeys((*chosen.columns, *fields)))
    if choose_kind(path, [name for name in chosen.columns if name not in lists], lists):
        yield from _sequences(tree, branches, chosen.columns, fields)
        return
    start = 0
    for part in tree.iterate(branches, step_size=rows_in_block(len(branches)), library="np"):
        features, others = ([np.asarray(part[name]) for name in group] for group in (chosen.columns, fields))
        yield from make_block(start, features, others, chosen.columns)
        start += len(features[0])


def _sequences(
    tree: Any,  # noqa: ANN401 - uproot has no types
    branches: Sequence[str],
    columns: tuple[str, ...],
    fields: Sequence[str],
) -> Iterator[Block | RejectedRow]:
    """Yield entries whose branches ``columns`` have lists, one a channel."""
    import awkward

    start = 0
    for part in tree.iterate(branches, step_size=ENTRIES_OF_LISTS, library="ak"):
        numbers = np.arange(start + 1, start + 1 + len(part))
        lengths = [awkward.to_numpy(awkward.num(part[name], axis=1)).astype(np.int64) for name in columns]
        values = [awkward.to_numpy(awkward.flatten(part[name], axis=1)) for name in columns]
        others = tuple(array_column(np.asarray(awkward.to_list(part[name]))) for name in fields)
        rejected, block = lists_block(numbers, lengths, values, others, columns)
        yield from rejected
        if len(block):
            yield block
        start += len(part)


def _refuse_records(tree: Any, columns: Sequence[str], path: Path) -> None:  # noqa: ANN401
    """Raise `DataError` for a field of an RNTuple that is a record of others, or part of one."""
    names = [name for name in tree.keys() if getattr(tree[name], "interpretation", None) is None]  # noqa: SIM118
    records = {name.rpartition(".")[0] for name in names if "." in name} & set(names)
    for name in columns:
        if name in records or name.rpartition(".")[0] in records:
            record = name if name in records else name.rpartition(".")[0]
            raise DataError(
                f"{path}: {record} is a record of several fields, which is not read: write each of them as a "
                "branch of its own"
            )


def _counters(tree: Any) -> set[str]:  # noqa: ANN401 - uproot has no types
    """Return the branches of a TTree that have the lengths of the lists of others."""
    counters = (getattr(branch, "count_branch", None) for branch in getattr(tree, "branches", ()))
    return {counter.name for counter in counters if counter is not None}


def _is_list(branch: Any) -> bool:  # noqa: ANN401 - uproot has no types
    """Return whether a branch has a list of numbers per entry."""
    first = branch.array(entry_stop=1, library="ak")
    return first.ndim == 2 and re.search(r"string|char|bytes", str(first.type)) is None


def _is_number(branch: Any) -> bool:  # noqa: ANN401 - uproot has no types
    """Return whether a branch of a TTree or a field of an RNTuple has one number per entry."""
    interpretation = getattr(branch, "interpretation", None)
    if interpretation is None:
        return _NUMBERS.fullmatch(branch.typename) is not None
    kind = getattr(interpretation, "to_dtype", None)
    return kind is not None and not kind.shape and is_numeric(kind)
