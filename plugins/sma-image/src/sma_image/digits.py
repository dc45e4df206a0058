"""The handwritten digits that come with scikit-learn, as a file of arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sma_core.files import creating, remove_leftovers
from sma_core.sources.data_sets import cached_file

FILE = "digits-1.npz"
"""The number is increased when the file changes, to invalidate caches."""


def digits() -> Path:
    """Return the path of 1,797 digits, written on first use: ``images`` (n, 8, 8) and ``label`` (n,)."""
    path = cached_file("image", FILE)
    if not path.is_file():
        from sklearn.datasets import load_digits

        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        images, labels = load_digits(return_X_y=True)
        with creating(path) as temporary, temporary.open("wb") as file:
            np.savez(file, images=images.reshape(-1, 8, 8).astype(np.uint8), label=labels)
    return path
