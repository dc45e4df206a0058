"""Splits that keep groups of rows together: any groups, blocks of consecutive rows, rows that are alike.

Letters: n rows, F features of a fingerprint.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from sma_core.errors import DataError
from sma_core.evaluation.splits import Indices

logger = logging.getLogger("sma")

BLOCKS = 50
"""Number of blocks of consecutive rows."""
MOST_ROWS = 100_000
"""Most rows of which all pairs are compared."""
PAIRS_IN_MEMORY = 20_000_000


def block_split(texts: Sequence[str], valid: float, test: float, seed: int) -> tuple[Indices, Indices, Indices]:
    """Assign blocks of consecutive rows at random, for files in which neighbouring rows are alike."""
    blocks = np.array_split(np.arange(len(texts)), min(BLOCKS, len(texts)))
    return assign_groups([block.tolist() for block in blocks], valid, test, seed)


def assign_groups(
    groups: Sequence[Sequence[int]], valid: float, test: float, seed: int
) -> tuple[Indices, Indices, Indices]:
    """Assign groups of rows in random order, those larger than half of the validation or test share first.

    A group is added to the first of training and validation that has room for it, else to the test.
    """
    rows = sum(map(len, groups))
    valid_rows, test_rows, train_rows = valid * rows, test * rows, (1.0 - valid - test) * rows
    large = [group for group in groups if len(group) > min(valid_rows, test_rows) / 2]
    small = [group for group in groups if len(group) <= min(valid_rows, test_rows) / 2]
    generator = random.Random(seed)
    generator.shuffle(large)
    generator.shuffle(small)
    parts: tuple[list[int], list[int], list[int]] = ([], [], [])
    for group in [*large, *small]:
        if len(parts[0]) + len(group) <= train_rows + 1e-9:
            parts[0].extend(group)
        elif len(parts[1]) + len(group) <= valid_rows + 1e-9:
            parts[1].extend(group)
        else:
            parts[2].extend(group)
    train, validation, testing = (np.array(sorted(part), dtype=np.int64) for part in parts)
    return train, validation, testing


def similarity_split(
    fingerprints: sparse.csr_matrix, threshold: float, valid: float, test: float, seed: int
) -> tuple[Indices, Indices, Indices]:
    """Split rows so that no two of different parts are as similar as ``threshold``.

    ``fingerprints`` (n, F) tell which features each row has (numbers above 0). Two rows have the similarity
    of Tanimoto (Jaccard): features that both have, divided by features that either has. Rows that are connected by
    similar rows form a group. A group that is larger than the training share is the training part, which is said.
    Raises `DataError` for more than `MOST_ROWS` rows.
    """
    groups = similar_groups(fingerprints, threshold)
    largest = max(groups, key=len)
    rows = fingerprints.shape[0]
    if len(largest) <= (1.0 - valid - test) * rows + 1e-9:
        return assign_groups(groups, valid, test, seed)
    logger.warning(
        "%d of %d rows are connected by similar rows and stay in training: the other parts have fewer than asked",
        len(largest),
        rows,
    )
    others = [group for group in groups if group is not largest]
    share = valid / (valid + test) if valid + test > 0 else 1.0
    validation, _, testing = assign_groups(others, 0.0, 1.0 - share, seed)
    return np.array(largest, dtype=np.int64), validation, testing


def similar_groups(fingerprints: sparse.csr_matrix, threshold: float) -> list[list[int]]:
    """Return the rows of each connected component of rows that are as similar as ``threshold``, in file order.

    Rows without features are alike.
    """
    rows = fingerprints.shape[0]
    if rows > MOST_ROWS:
        raise DataError(
            f"this split compares all pairs of at most {MOST_ROWS:,} rows: choose another one with split.name"
        )
    has = (fingerprints > 0).astype(np.float32).tocsr()
    sizes = np.asarray(has.sum(axis=1)).ravel()
    edges: list[Indices] = []
    step = max(1, PAIRS_IN_MEMORY // max(rows, 1))
    for start in range(0, rows, step):
        common = (has[start : start + step] @ has.T).tocoo()  # (step, n)
        first, second = common.row.astype(np.int64) + start, common.col.astype(np.int64)
        similar = common.data >= threshold * (sizes[first] + sizes[second] - common.data) - 1e-6
        edges.append(np.stack([first[similar], second[similar]]))
    empty = np.flatnonzero(sizes == 0)
    edges.append(np.stack([empty[:-1], empty[1:]]))
    pairs = np.concatenate(edges, axis=1)
    graph = sparse.coo_matrix((np.ones(pairs.shape[1], dtype=np.int8), (pairs[0], pairs[1])), shape=(rows, rows))
    _, numbers = sparse.csgraph.connected_components(graph, directed=False)
    by_group: dict[int, list[int]] = {}
    for row, number in enumerate(numbers.tolist()):
        by_group.setdefault(number, []).append(row)
    return list(by_group.values())
