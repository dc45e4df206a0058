"""Score substitutions such as ``A2C``: the letter A at position 2, counted from 1, becomes a C.

All substituted positions of a row are hidden at once. The score is the sum over them of the logarithm of the
probability of the new letter minus that of the old one (the masked marginals of Meier et al. 2021): above 0 where
the model finds the new letters more probable.

Letters: m usable rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.data import plugin_code
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.feeds.rows import RowChunk
from sma_core.models.loaded_run import LoadedRun
from sma_view.score.hidden import log_probabilities, mask_of

NONE = ("", "wt", "_wt", "wild type", "wildtype")
"""Spellings, in lower case, of no substitution."""
_SUBSTITUTION = re.compile(r"(\D)([0-9]+)(\D)")
_BETWEEN = re.compile(r"[\s:;,/+]+")


@dataclass(frozen=True)
class Change:
    """The ids that substitutions change: position -> new id; or the ``reason`` why they cannot be scored."""

    ids: Mapping[int, int] = field(default_factory=dict)
    reason: str | None = None


def score_substitutions(
    run: LoadedRun, tokenizer: DiscreteTokenizer, chunk: RowChunk, written: list[str], batch_tokens: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the scores (m,) of the usable rows of a chunk, and the numbers of changed ids (m,).

    ``written`` are the substitutions of all rows of the chunk. Rows whose substitutions cannot be scored have NaN,
    and get a reason in ``chunk.reasons``.
    """
    changes = [
        _change(tokenizer, text, written[index], chunk.numbers[index], run.model.max_length)
        for index, text in zip(chunk.usable.tolist(), chunk.usable_texts, strict=True)
    ]
    scores = np.zeros(len(changes))
    for places, batch in run.batches(chunk, batch_tokens):
        hidden = torch.zeros(batch.padding_mask.shape, dtype=torch.bool)
        new = torch.zeros(hidden.shape, dtype=torch.int64)
        for row, place in enumerate(places.tolist()):
            for position, changed in changes[place].ids.items():
                hidden[row, position], new[row, position] = True, changed
        if not bool(hidden.any()):
            continue
        mask = mask_of(hidden.to(batch.inputs.device))
        logarithms = log_probabilities(run, batch, mask)  # (B, K, V)
        pair = torch.stack([new.to(logarithms.device), batch.inputs.long()], dim=2)  # (B, N, 2)
        ids = pair.take_along_dim(mask.positions[:, :, None], dim=1)  # (B, K, 2)
        gained = logarithms.gather(2, ids).diff(dim=2)[:, :, 0].neg()  # (B, K): new minus old
        scores[places] = gained.masked_fill(~mask.valid, 0.0).double().sum(dim=1).cpu().numpy()
    for place, change in enumerate(changes):
        if change.reason is not None:
            scores[place] = np.nan
            chunk.reasons[int(chunk.usable[place])] = change.reason
    return scores, np.array([len(change.ids) for change in changes], dtype=np.int64)


def _change(tokenizer: DiscreteTokenizer, text: str, written: str, number: int, longest: int) -> Change:
    """Return the change that substitutions make to the ids of a text."""
    letters = list(text)
    if written.strip().lower() in NONE:
        return Change()
    for part in filter(None, _BETWEEN.split(written.strip())):
        match = _SUBSTITUTION.fullmatch(part)
        if match is None:
            return Change(reason=f"not a substitution such as A2C: {part[:40]!r}")
        old, place, new = match[1], int(match[2]), match[3]
        if not 1 <= place <= len(letters):
            return Change(reason=f"{part}: the row has {len(letters):,} characters")
        if text[place - 1] != old:
            return Change(reason=f"{part}: character {place:,} of the row is {text[place - 1]!r}, not {old!r}")
        letters[place - 1] = new
    encoded = plugin_code.encode(tokenizer, [text, "".join(letters)], [number, number])
    first, second = (
        encoded.values[start:end] for start, end in zip(encoded.offsets, encoded.offsets[1:], strict=False)
    )
    if len(first) != len(second):
        return Change(reason="the substitutions change the number of ids, so that they cannot be compared")
    places = np.flatnonzero(first != second)
    if len(places) and int(places[-1]) >= longest - 1:
        return Change(reason=f"a substitution lies beyond the {longest:,} ids that the model reads")
    return Change({int(place): int(second[place]) for place in places})
