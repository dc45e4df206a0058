"""Baselines for proteins: linear models on one-hot encoded residues or on 3-mer frequencies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.preprocessing import normalize

from sma_bench.baselines import BaselineRows, fit_linear

WORD = 3
LETTERS = 26


def one_hot(sequences: Sequence[str]) -> sparse.csr_matrix:
    """Return the one-hot encoding of the letter at each position (n, longest * 26), for aligned sequences."""
    longest = max(map(len, sequences), default=0)
    lengths = np.array([len(sequence) for sequence in sequences])
    letters = np.frombuffer("".join(sequences).encode("ascii"), dtype=np.uint8) - ord("A")
    positions = np.concatenate([np.arange(length) for length in lengths]) if len(lengths) else np.empty(0, int)
    rows = np.repeat(np.arange(len(sequences)), lengths)
    known = letters < LETTERS  # a stop (*) has no column
    ones = np.ones(int(known.sum()), dtype=np.float32)
    columns = positions[known] * LETTERS + letters[known]
    return sparse.csr_matrix((ones, (rows[known], columns)), shape=(len(sequences), longest * LETTERS))


def words(sequences: Sequence[str]) -> sparse.csr_matrix:
    """Return the 3-mer counts (n, F), normalized to unit length per row."""
    counter = CountVectorizer(analyzer="char", ngram_range=(WORD, WORD), lowercase=False, dtype=np.float32)
    return normalize(counter.fit_transform(sequences))


def one_hot_linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to one-hot encoded residues."""
    return fit_linear(one_hot([str(text) for text in rows.inputs]), rows)


def words_linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to 3-mer frequencies."""
    return fit_linear(words([str(text) for text in rows.inputs]), rows)
