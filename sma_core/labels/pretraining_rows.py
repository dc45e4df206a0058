"""Find labelled rows among the rows that a model was pre-trained on.

A pre-trained run keeps a hash of each training row, or of a sample of them, in ``training-rows.safetensors``.
Letters: n rows, k rows with a hash.
"""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from sma_core.config import DataConfig
from sma_core.data.batching.hashing import hashed
from sma_core.data.pairs import columns_of
from sma_core.data.plugin_code import normal_forms
from sma_core.data.store.store import Store
from sma_core.data.tokenizers import text_of
from sma_core.errors import SmaError
from sma_core.evaluation.splits import Indices
from sma_core.feeds.feed import Feed
from sma_core.feeds.text import TextFeed
from sma_core.files import replacing
from sma_core.labels.duplicates import value_hashes
from sma_core.plugins.registry import Registry
from sma_core.printable import counted
from sma_core.runs.run_folder import RunFolder

logger = logging.getLogger("sma")

NAME = "training-rows.safetensors"
MOST_ROWS = 100_000
"""Training rows with a hash; of more rows, as many are sampled."""
_SAMPLE_SEED = 20_240_116


class Rows(NamedTuple):
    """Rows of a store, and what is needed to compare them with other rows."""

    registry: Registry
    config: DataConfig
    feed: Feed
    store: Store
    indices: Indices


def row_hashes(rows: Rows) -> NDArray[np.uint64]:
    """Return a hash (n,) of each row as the model reads it, the same for equal rows.

    Texts are equal if their normal form in the domain is. Raises `PluginError` when the normal form fails.
    """
    if rows.store.metadata.holds_values or not isinstance(rows.feed, TextFeed):
        return value_hashes(rows.store, rows.indices)
    texts = [text_of(rows.feed.tokenizer, rows.store.ids(int(index))) for index in rows.indices]
    normalise = rows.registry.domain.normalise
    pairs = len(columns_of(rows.config.column)) > 1  # the model reads them joined, which has no normal form
    if normalise is not None and not rows.config.normalise and not pairs:
        texts = normal_forms(normalise, texts, rows.store.row_numbers[rows.indices].tolist())
    digests = (hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def write_row_hashes(run: RunFolder, rows: Rows) -> None:
    """Write the hashes of the training rows of a pre-training to its folder; a failure is a warning."""
    count = len(rows.indices)
    if count > MOST_ROWS:
        sample = np.argsort(hashed(rows.indices, _SAMPLE_SEED), kind="stable")[:MOST_ROWS]
        rows = rows._replace(indices=rows.indices[np.sort(sample)])
    try:
        tensors = {"hashes": np.sort(row_hashes(rows)), "rows": np.array([count], dtype=np.int64)}
        with replacing(run.path / NAME) as temporary:
            temporary.write_bytes(save(tensors))  # save_file makes a file that only its owner may read
    except (SmaError, OSError) as error:
        logger.warning("the hashes of the training rows of %s were not written: %s", run.path, error)


def seen_in_pretraining(pretrained: Path, rows: Rows) -> list[str]:
    """Return a sentence on test rows (n,) that the run ``pretrained`` was trained on; empty if none are known."""
    try:
        tensors = load_file(pretrained / NAME)
        known, count = tensors["hashes"], int(tensors["rows"][0])
        seen = int(np.isin(row_hashes(rows), known).sum())
    except FileNotFoundError:
        return []  # not finished, or made by an early version
    except (SmaError, OSError, KeyError, IndexError, SafetensorError) as error:
        return [f"it is not known whether test rows are among the rows of the pre-training: {error}"]
    if not seen:
        return []
    of_test = counted(len(rows.indices), "test row")
    share = len(known) / max(count, 1)
    about = f"about {min(round(seen / share), len(rows.indices)):,}" if share < 1 else f"{seen:,}"
    return [
        f"{about} of {of_test} are among the rows of the pre-training, which had no labels: metrics of rows that "
        "the model has never seen may be worse"
    ]
