"""Collation agrees with the plain way and is quick."""

import numpy as np
import pytest
import torch

from sma_core.data.batching.batches import Batch, collate, collate_encoded
from sma_core.data.batching.epochs import StoreSource
from sma_core.data.batching.packing import plan_epoch
from sma_core.data.store.store import Store, StoreMetadata, StoreWriter
from sma_core.data.tokenizers import ByteTokenizer

TOKENIZER = ByteTokenizer()


def make_store(path, texts, targets=None) -> Store:
    metadata = StoreMetadata(
        tokenizer="bytes",
        tokenizer_version="1",
        vocabulary_size=262,
        targets=("y",) if targets is not None else (),
    )
    with StoreWriter(path, metadata) as writer:
        for start in range(0, len(texts), 2000):
            part = texts[start : start + 2000]
            labels = None if targets is None else targets[start : start + 2000]
            writer.append(TOKENIZER.encode(part), np.arange(start, start + len(part)), targets=labels)
    return Store.open(path)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    lengths = np.clip(np.random.default_rng(0).normal(54, 18, 40_000), 1, 200).astype(int).tolist()
    texts = ["".join(chr(65 + (i + j) % 26) for j in range(length)) for i, length in enumerate(lengths)]
    return make_store(tmp_path_factory.mktemp("store") / "a.arrow", texts)


def plainly(store: Store, groups, pad_id: int, multiple: int, max_length: int | None):
    joined = [[int(i) for row in group for i in store.ids(int(row))] for group in groups]
    width = -(-max(map(len, joined)) // multiple) * multiple
    width = min(width, max_length) if max_length else width
    inputs = [[*ids, *[pad_id] * (width - len(ids))] for ids in joined]
    mask = [[True] * len(ids) + [False] * (width - len(ids)) for ids in joined]
    return inputs, mask


@pytest.mark.parametrize("packing", ["single", "concat", "successors"])
@pytest.mark.parametrize("multiple", [1, 8, 64])
def test_collation_agrees_with_the_plain_way(store, packing, multiple):
    plan = plan_epoch(store.lengths, 16, packing, 250, 0, 0)
    for number in (0, 7, len(plan) - 1):
        batch = collate(store, plan[number], 0, multiple, max_length=250)
        inputs, mask = plainly(store, plan[number], 0, multiple, 250)
        assert batch.inputs.tolist() == inputs
        assert batch.padding_mask.tolist() == mask
        assert batch.rows.tolist() == np.concatenate(plan[number]).tolist()
        assert batch.inputs.dtype == torch.int64
        assert batch.padding_mask.dtype == torch.bool
        assert batch.labels is None
        assert len(batch) == len(plan[number])


@pytest.mark.parametrize("packing", ["single", "concat", "successors"])
def test_ranks_divide_every_batch(store, packing):
    rows = np.arange(5, 2000)
    whole = StoreSource(store, 16, 250, 0, 3, packing, rows)
    parts = [StoreSource(store, 16, 250, 0, 3, packing, rows, rank=rank, ranks=2) for rank in range(2)]
    for index in (0, 7, whole.batches_in(1) - 1):
        batch, halves = whole.batch(1, index), [part.batch(1, index) for part in parts]
        assert [half.total for half in halves] == [len(batch)] * 2
        for rank, half in enumerate(halves):
            assert torch.equal(half.inputs, batch.inputs[rank::2])


def test_an_input_of_successors_is_the_rows_after_its_first_that_are_trained_on(store):
    rows = np.arange(1, 3000, 2)  # every other row is held out
    source = StoreSource(store, 4, 250, 0, 3, "successors", rows)
    assert source.batches_in(0) == 375
    batch = source.batch(0, 0)
    starts = np.flatnonzero(np.diff(batch.rows, prepend=-1) != 2)
    assert len(starts) == len(batch) == 4
    assert (batch.rows % 2 == 1).all()


def test_padding_matches_the_recorded_form():
    batch = collate_encoded(TOKENIZER.encode(["CCO", "C"]), 0, multiple=6)
    assert batch.inputs.tolist() == [[73, 73, 85, 5, 0, 0], [73, 5, 0, 0, 0, 0]]
    assert batch.padding_mask.tolist() == [[True] * 4 + [False] * 2, [True] * 2 + [False] * 4]


def test_the_width_is_a_multiple_but_never_above_the_largest_length():
    encoded = TOKENIZER.encode(["C" * 9])
    assert collate_encoded(encoded, 0).inputs.shape == (1, 16)
    assert collate_encoded(encoded, 0, max_length=12).inputs.shape == (1, 12)
    with pytest.raises(ValueError, match="longer than max_length 8"):
        collate_encoded(encoded, 0, max_length=8)


def test_labels_follow_their_rows(tmp_path):
    targets = np.array([[0.5], [np.nan], [2.0]], dtype=np.float32)
    labelled = make_store(tmp_path / "a.arrow", ["C", "N", "O"], targets)
    batch = collate(labelled, [np.array([2]), np.array([0])], 0)
    assert batch.labels.tolist() == [[2.0], [0.5]]
    assert collate(labelled, [np.array([2, 0])], 0).labels is None


def test_a_batch_moves_as_a_whole(store):
    batch = collate(store, [np.array([3])], 0).to("cpu")
    assert isinstance(batch, Batch)
    assert batch.rows.tolist() == [3]
