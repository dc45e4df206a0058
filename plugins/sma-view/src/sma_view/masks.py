"""`masks`: show which inputs a pre-trained model hides in some rows, for several random draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from sma_core.config import MaskingConfig
from sma_core.config.layers import validate
from sma_core.data.batching.batches import Batch
from sma_core.data.batching.hashing import hashed
from sma_core.data.tokenizers import DiscreteTokenizer, text_of
from sma_core.errors import CheckpointError
from sma_core.feeds.rows import RowChunk
from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.nn.guidance.importance import rank
from sma_core.nn.guidance.measures import measure_mask
from sma_core.nn.masking import MaskNoise, draw_noise
from sma_core.nn.model import SMA
from sma_core.nn.strategies.choosing import choose_mask
from sma_core.nn.strategies.protocol import Strategy
from sma_core.paths import as_path, check_outputs, local_files
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.drawn_row import DrawnRow
from sma_core.runs.methods import masking_strategy
from sma_view.drawer import Drawer
from sma_view.masks_page import PageRow, prefix
from sma_view.page_file import check_page, explained_measures, head, write_page
from sma_view.row_as_drawn import as_drawn, ids_of, name_of, named_chunks, text_of_row

HIDDEN = "·"
RANDOM = {"strategy": "random", "options": {}}
OF_TEXT = "hidden characters are written as ·; the end marker of a row, which may be hidden too, is left out"


@dataclass(frozen=True)
class RowMasks:
    """One row: its number and text (or the names of its features), and for each draw the hidden positions.

    ``shown`` writes each draw with hidden characters replaced (or names the hidden features); the end marker of a
    text is left out. ``importance`` (N,) is the mean over draws, relative to the mean of the row: 1 for uniform
    attention. ``random`` and ``random_shown`` are a random mask of the same ratio, for comparison. ``name`` is the
    row's identifier, empty if it has none.
    """

    row: int
    text: str
    hidden: list[list[int]]
    shown: list[str]
    importance: list[float]
    reason: str | None = None
    random: list[int] = field(default_factory=list)
    random_shown: str = ""
    name: str = ""


@dataclass(frozen=True)
class MasksResult:
    """Rows with their masks, and the means of the measures over them (see `sma_core.nn.guidance.measures`).

    ``explained`` says of each measure what it is and its value for random masks. ``note`` tells how rows of text
    are written; empty for other rows.
    """

    rows: list[RowMasks]
    measures: dict[str, float] = field(default_factory=dict)
    explained: dict[str, str] = field(default_factory=dict)
    note: str = ""


def masks(
    model: str | Path,
    data: str | Path,
    *,
    rows: int = 5,
    draws: int = 3,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    column: str | None = None,
    reader: str | None = None,
    columns: Sequence[str] | None = None,
    identifier: str | None = None,
    page: str | Path | None = None,
    force: bool = False,
    renderer: str | None = None,
    device: str = "auto",
    policy: PluginPolicy | None = None,
) -> MasksResult:
    """Choose masks for the first ``rows`` rows of ``data``, as training would, ``draws`` times.

    ``settings`` change the run's masking (``{"strategy": "random"}``). A mask is a function of the row and its
    number, model, and seed. ``page`` is an HTML file to write, with a picture of each mask, drawn by the domain or
    ``renderer``; ``force`` replaces one that exists.

    Raises:
        CheckpointError: ``model`` is not a pre-trained run.
        ConfigError: ``settings`` are not valid masking settings.
        DataError: ``data`` cannot be read, or ``page`` not written.
        PluginError: The renderer does not exist, or with strict plugins fails to draw a row.
        UserError: ``page`` has an unknown ending, is also an input, or exists (unless ``force``).
    """
    model, page = as_path(model), as_path(page)
    check_page(page, renderer)
    check_outputs(page, inputs=local_files(data), force=force)
    policy = policy or PluginPolicy.from_environment()
    run = LoadedRun.load(model, device, policy)
    if run.masking is None or not isinstance(run.module, SMA):
        raise CheckpointError(f"{model} is a fine-tuned run, which has no masks: pass a run of sma train")
    drawer = None if page is None else Drawer(run.registry, renderer)
    wanted = run.masking.model_dump() | {"anneal": None} | (settings or {})
    masking = validate(MaskingConfig, wanted, "what was asked for", "look at masking in sma config show")
    choice, random = (_Choice.of(run, masking), _Choice.of(run, masking.model_copy(update=RANDOM)))
    fields = [identifier] if identifier else []
    source = run.reading.source(data, column, reader, columns=columns, fields=fields)
    chunk = next(next(named_chunks(run, source, identifier)).cut(rows))
    seeds = range(seed, seed + draws)
    masked = dict(_masked_rows(run, (choice, random), chunk, seeds, page is not None))
    listed = [_listed(chunk, index, masked.get(index)) for index in range(len(chunk))]
    means = _means([row.measures for row in masked.values()])
    note = OF_TEXT if isinstance(run.feed, TextFeed) else ""
    result = MasksResult(listed, means, explained_measures(means, masking), note)
    if page is not None and drawer is not None:
        drawn = [_on_page(chunk, index, masked.get(index)) for index in range(len(chunk))]
        write_page(page, head(run, data, masking, seeds, result.measures), drawn, drawer, policy.strict)
    return result


@dataclass(frozen=True)
class _Choice:
    """How masks are chosen: by the model, the settings and a strategy."""

    module: SMA
    masking: MaskingConfig
    strategy: Strategy

    @classmethod
    def of(cls, run: LoadedRun, masking: MaskingConfig) -> _Choice:
        """Return the choice of a run with these settings."""
        assert isinstance(run.module, SMA), "the run is a pre-trained one"
        return cls(run.module, masking, masking_strategy(run.registry, masking))


@dataclass(frozen=True)
class _Masked:
    """A row under several masks and a random one, each as a renderer takes it and as text; measures ``(3,)``."""

    drawn: list[DrawnRow]
    shown: list[str]
    random: DrawnRow
    random_shown: str
    measures: torch.Tensor

    @property
    def mean(self) -> DrawnRow:
        """The mean importance over the draws; hidden is what more than half of them hide."""
        first, draws = self.drawn[0], len(self.drawn)
        columns = zip(*(draw.importance for draw in self.drawn), strict=True)
        often = (place for place in range(len(first.importance)) if 2 * self._times(place) > draws)
        importance = tuple(sum(values) / draws for values in columns)
        return replace(first, importance=importance, hidden=frozenset(often), prefix=f"{first.prefix}mean-")

    def _times(self, place: int) -> int:
        return sum(place in draw.hidden for draw in self.drawn)


def _masked_rows(
    run: LoadedRun, choices: tuple[_Choice, _Choice], chunk: RowChunk, seeds: range, for_page: bool
) -> Iterator[tuple[int, _Masked]]:
    """Yield the index of each usable row in the chunk, and the row under the mask of each seed.

    ``choices`` are that of the run and that of random masks.
    """
    choice, random = choices
    for places, batch in run.batches(chunk, tokens=1):
        index, row = int(chunk.usable[places[0]]), as_drawn(run, chunk, int(places[0]), batch, for_page)
        number = chunk.numbers[index]
        drawn = list(_draws(choice, batch, seeds, row, number))
        (beside,) = _draws(random, batch, range(seeds.stop, seeds.stop + 1), row, number)
        beside = replace(beside, importance=(math.nan,) * len(beside.importance), prefix=f"{beside.prefix}random-")
        shown = [_shown(run, batch, sorted(draw.hidden), row.features) for draw in (*drawn, beside)]
        measures = _measured(choice, batch, seeds.start, number)
        yield index, _Masked(drawn, shown[:-1], beside, shown[-1], measures)


def _draws(choice: _Choice, batch: Batch, seeds: range, row: DrawnRow, number: int) -> Iterator[DrawnRow]:
    """Yield the row under the mask of each seed."""
    real = int(batch.padding_mask.sum())
    for draw, seed in enumerate(seeds, start=1):
        chosen, ranking = _choose(choice, batch, _noise(choice.module, batch, seed, number))
        yield replace(
            row,
            importance=tuple(ranking[0, :real].tolist()),
            hidden=frozenset(chosen[0, :real].nonzero().flatten().tolist()),
            prefix=prefix(number, draw),
        )


def _listed(chunk: RowChunk, index: int, masked: _Masked | None) -> RowMasks:
    """Return the result for a row; nothing is hidden of one that cannot be used."""
    number, reason = chunk.numbers[index], chunk.reasons[index]
    if masked is None:
        return RowMasks(number, text_of_row(chunk, index), [], [], [], reason, name=name_of(chunk, index))
    first = masked.drawn[0]
    hidden = [sorted(draw.hidden) for draw in masked.drawn]
    text = ", ".join(first.channels or first.features) if first.features else first.text
    importance, random = list(masked.mean.importance), sorted(masked.random.hidden)
    shown, name = masked.random_shown, name_of(chunk, index)
    return RowMasks(number, text, hidden, masked.shown, importance, reason, random, shown, name)


def _on_page(chunk: RowChunk, index: int, masked: _Masked | None) -> PageRow:
    """Return a row as the page shows it; the names of features are part of its pictures."""
    number, reason = chunk.numbers[index], chunk.reasons[index]
    if masked is None:
        return PageRow(number, text_of_row(chunk, index), reason=reason, name=name_of(chunk, index))
    drawn = {f"mask {draw}": row for draw, row in enumerate(masked.drawn, start=1)}
    if len(drawn) > 1:
        drawn[f"mean of {len(drawn)} masks, what more than half of them hide"] = masked.mean
    drawn["a random mask, for comparison"] = masked.random
    return PageRow(number, masked.drawn[0].text, drawn, reason, name_of(chunk, index))


def _shown(run: LoadedRun, batch: Batch, hidden: Sequence[int], features: Sequence[str]) -> str:
    """Write a row with its hidden characters replaced, without its end marker, or name its hidden ``features``."""
    if isinstance(run.feed, TextFeed):
        ids = ids_of(batch)[:-1]
        return _with_dots(run.feed.tokenizer, ids, [place for place in hidden if place < len(ids)])
    return ", ".join(features[place] for place in hidden)


@torch.inference_mode()
def _choose(choice: _Choice, batch: Batch, noise: MaskNoise) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mask and the importance relative to its mean, both ``(1, N)``.

    The importance is that of the attention alone: ``mask_self`` would give the queries' own positions a value far
    above all others.
    """
    situation = choice.module.situation(batch.inputs, batch.padding_mask, choice.masking, noise)
    attention_only = choice.masking.model_copy(update={"mask_self": False})
    importance = rank(situation._replace(masking=attention_only))[0]
    total = importance.sum(dim=1, keepdim=True)  # padding and missing values have no attention
    relative = importance * situation.padding_mask.sum(dim=1, keepdim=True) / total
    return choose_mask(situation, choice.strategy).hidden, relative


def _measured(choice: _Choice, batch: Batch, seed: int, number: int) -> torch.Tensor:
    module = choice.module
    noises = (_noise(module, batch, seed, number), _noise(module, batch, seed + 1, number))
    with torch.inference_mode():
        measures = measure_mask(module, batch.inputs, batch.padding_mask, choice.masking, noises, choice.strategy)
    return torch.stack(measures)[:, 0].float().cpu()


def _means(measures: Sequence[torch.Tensor]) -> dict[str, float]:
    """Return the mean of each measure over the rows, of those that are defined."""
    means = torch.stack(list(measures)).nanmean(dim=0).tolist() if measures else []
    names = ("overlap", "change", "entropy")
    return {name: value for name, value in zip(names, means, strict=False) if value == value}


def _noise(module: SMA, batch: Batch, seed: int, number: int) -> MaskNoise:
    """Draw the noise of row ``number``: with one noise for all rows, random masks would be alike in every row."""
    length = batch.padding_mask.shape[1]
    own_seed = int(hashed(np.array([number]), seed)[0] >> np.uint64(1))
    generator = torch.Generator().manual_seed(own_seed)
    return draw_noise(1, module.encoder.query_count(length), length, generator, batch.inputs.device)


def _with_dots(tokenizer: DiscreteTokenizer, ids: NDArray[Any], hidden: Sequence[int]) -> str:
    """Write a row's text with a dot for every hidden id."""
    shown, start = "", 0
    for end in [*hidden, len(ids)]:
        shown += text_of(tokenizer, ids[start:end]) + (HIDDEN if end < len(ids) else "")
        start = end + 1
    return shown
