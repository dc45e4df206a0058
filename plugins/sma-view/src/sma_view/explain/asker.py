"""Ask a run about a batch: its prediction with some inputs hidden, and which inputs may be hidden.

Letters: B rows, N padded length, J forward passes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sma_core.data.batching.batches import Batch
from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.masking import may_be_hidden
from sma_core.nn.model import Predictor
from sma_view.explain.question import Question


@dataclass(frozen=True)
class Asked:
    """A batch with what a run says of its rows.

    ``inputs`` and ``padding_mask`` are the batch's; ``explained`` (B, N) bool marks the inputs that get a value:
    not padding, not an end marker or separator, not a missing number. ``labels`` (B,) are the classes that are
    explained, and ``predictions`` (B,) float32 the scores.
    """

    inputs: Tensor
    padding_mask: Tensor
    explained: Tensor
    labels: Tensor
    predictions: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Asker:
    """Asks ``question`` of ``run``, with at most ``tokens`` padded inputs in one forward pass.

    Hidden inputs are left out of the encoder's attention, as those that a mask hides in pre-training.
    """

    run: LoadedRun
    question: Question
    tokens: int

    @property
    def module(self) -> Predictor:
        """The network."""
        assert isinstance(self.run.module, Predictor), "the question is about a fine-tuned run"
        return self.run.module

    def ask(self, batch: Batch) -> Asked:
        """Return what the run says of a batch with nothing hidden."""
        with self.run.computing():
            outputs = self.module(batch.inputs, batch.padding_mask).float()
        labels = self.question.labels(outputs)
        predictions = self.question.scores(outputs, labels)
        return Asked(batch.inputs, batch.padding_mask, self._explained(batch), labels, predictions)

    def _explained(self, batch: Batch) -> Tensor:
        candidates = may_be_hidden(batch.inputs, batch.padding_mask)
        feed = self.run.feed
        if not isinstance(feed, TextFeed):
            return candidates
        tokenizer = feed.tokenizer
        special = [tokenizer.pad_id, tokenizer.separator_id]
        special += [] if tokenizer.mask_id is None else [tokenizer.mask_id]
        return candidates & ~torch.isin(batch.inputs, batch.inputs.new_tensor(special))

    def has_position(self, asked: Asked) -> Tensor:
        """Return which rows (B,) bool have the position that is explained; all if it is not one position."""
        position = self.question.position
        if position is None:
            return torch.ones_like(asked.labels, dtype=torch.bool)
        return asked.explained[:, position - 1 : position].any(dim=1)

    def with_hidden(self, asked: Asked, rows: Tensor, hidden: Tensor) -> Tensor:
        """Return predictions (J,) of the rows (J,) of a batch, with the inputs ``hidden`` (J, N) left out.

        A row must keep one visible input.
        """
        with self.run.computing():
            outputs = self.module(asked.inputs[rows], asked.padding_mask[rows] & ~hidden).float()
        return self.question.scores(outputs, asked.labels[rows])

    def passes(self, asked: Asked) -> int:
        """Return how many rows of a batch one forward pass may have."""
        return max(1, self.tokens // asked.padding_mask.shape[1])
