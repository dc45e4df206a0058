"""A split of sequences by the similarity of their 3-mers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer

from sma_core.evaluation.group_splits import similarity_split

WORD = 3
SIMILAR = 0.3
"""Share of 3-mers, of those that either sequence has, from which two sequences stay in one part."""


def similarity(
    texts: Sequence[str], valid: float, test: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Split sequences so that no two of different parts share 0.3 or more of their 3-mers."""
    counter = CountVectorizer(analyzer="char", ngram_range=(1, WORD), lowercase=False, dtype=np.float32)
    counts = counter.fit_transform(texts)
    words = [index for word, index in counter.vocabulary_.items() if len(word) == WORD]
    return similarity_split(counts[:, sorted(words)], SIMILAR, valid, test, seed)
