"""Baseline for text: a linear model on the TF-IDF of sequences of characters.

Letters: n rows, F features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from sma_bench.baselines import BaselineRows, fit_linear
from sma_core.data.pairs import parts_of

MOST_FEATURES = 100_000


def characters_linear(rows: BaselineRows) -> NDArray[np.float64]:
    """Fit ridge or logistic regression to TF-IDF of 2 to 5 characters inside words.

    Of pairs, the features are those of both texts, and their products, which show what the texts share.
    """
    parts = [parts_of(str(text)) for text in rows.inputs]
    known = [part for row in rows.train.tolist() for part in parts[row]]
    counter = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True, max_features=MOST_FEATURES
    ).fit(known)
    first = counter.transform([row[0] for row in parts])  # (n, F)
    if all(len(row) == 1 for row in parts):
        return fit_linear(first, rows)
    second = counter.transform([row[-1] for row in parts])
    products = first.multiply(second)
    cosine = sparse.csr_matrix(products.sum(axis=1))  # (n, 1)
    return fit_linear(sparse.hstack([first, second, products, cosine], format="csr"), rows)
