"""`masks`: what a pre-trained model would hide in some rows, for several draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from sma_core.config import MaskingConfig
from sma_core.data.batches import Batch
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import CheckpointError
from sma_core.nn.guidance import choose_mask, rank
from sma_core.nn.masking import MaskNoise, draw_noise
from sma_core.nn.measures import measure_mask
from sma_core.nn.model import SMA
from sma_core.plugins.discovery import PluginPolicy
from sma_core.verbs.encoders import EncoderModel

HIDDEN = "·"


@dataclass(frozen=True)
class RowMasks:
    """One row: its number and text (or the names of its features), and for each draw the hidden positions.

    ``shown`` writes each draw with hidden characters replaced (or names the hidden features); ``importance`` is
    that of the first draw, one number a position.
    """

    row: int
    text: str
    hidden: list[list[int]]
    shown: list[str]
    importance: list[float]
    reason: str | None = None


@dataclass(frozen=True)
class MasksResult:
    """Rows with their masks, and the means of the measures over them (see `sma_core.nn.measures`)."""

    rows: list[RowMasks]
    measures: dict[str, float] = field(default_factory=dict)


def masks(
    model: Path,
    data: str | Path,
    *,
    rows: int = 5,
    draws: int = 3,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    column: str | None = None,
    reader: str | None = None,
    device: str = "auto",
    policy: PluginPolicy | None = None,
) -> MasksResult:
    """Choose masks for the first ``rows`` rows of ``data`` as training would, ``draws`` times.

    ``settings`` change the run's masking (``{"strategy": "random"}``). A mask is a function of row, model, and
    seed.

    Raises:
        CheckpointError: ``model`` is no pre-trained run.
        DataError: ``data`` cannot be read.
    """
    loaded = EncoderModel.load(model, device, policy)
    if loaded.masking is None or not isinstance(loaded.module, SMA):
        raise CheckpointError(f"{model} is a fine-tuned run, which hides nothing: name a run of sma train")
    masking = MaskingConfig(**(loaded.masking.model_dump() | {"anneal": None} | (settings or {})))
    chunk = next(iter(loaded.reading.chunks(loaded.reading.source(data, column, reader))))
    wanted = chunk.numbers[:rows]
    found: dict[int, RowMasks] = {}
    measures: list[torch.Tensor] = []
    for places, batch in loaded.batches(chunk, tokens=1):
        place = int(chunk.usable[places[0]])
        if place < len(wanted):
            found[place] = _of_row(loaded, loaded.module, batch, masking, draws, seed, chunk.numbers[place])
            measures.append(_measured(loaded.module, batch, masking, seed))
    listed = [
        found.get(place) or RowMasks(number, chunk.texts[place], [], [], [], chunk.reasons[place])
        for place, number in enumerate(wanted)
    ]
    names = ("overlap", "change", "entropy")
    means = torch.stack(measures).nanmean(dim=0).tolist() if measures else []
    return MasksResult(listed, {n: value for n, value in zip(names, means, strict=False) if value == value})


def _of_row(
    model: EncoderModel, module: SMA, batch: Batch, masking: MaskingConfig, draws: int, seed: int, number: int
) -> RowMasks:
    real = int(batch.padding_mask.sum())
    hidden: list[list[int]] = []
    importance: list[float] = []
    for draw in range(draws):
        chosen, ranking = _choose(module, batch, masking, _noise(module, batch, seed + draw))
        hidden.append(chosen[0, :real].nonzero().flatten().tolist())
        importance = importance or ranking[0, :real].tolist()
    if model.reading.feed.scale is not None:
        columns = model.reading.feed.scale.columns
        shown = [", ".join(columns[at] for at in positions) for positions in hidden]
        return RowMasks(number, ", ".join(columns), hidden, shown, importance)
    assert model.reading.feed.tokenizer is not None, "text is read by a model with a tokenizer"
    ids = batch.inputs[0, :real].cpu().numpy()
    shown = [_with_dots(model.reading.feed.tokenizer, ids, positions) for positions in hidden]
    return RowMasks(number, model.reading.feed.tokenizer.decode(ids), hidden, shown, importance)


@torch.inference_mode()
def _choose(
    module: SMA, batch: Batch, masking: MaskingConfig, noise: MaskNoise
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give what is hidden and the importance, both ``(1, N)``."""
    embedded = module.embed(batch.inputs)
    parts = (module.encoder, module.encoder.project(embedded), embedded, batch.padding_mask, masking, noise)
    return choose_mask(*parts).hidden, rank(*parts)[0]


def _measured(module: SMA, batch: Batch, masking: MaskingConfig, seed: int) -> torch.Tensor:
    noises = (_noise(module, batch, seed), _noise(module, batch, seed + 1))
    with torch.inference_mode():
        measures = measure_mask(module, batch.inputs, batch.padding_mask, masking, noises)
    return torch.stack(measures)[:, 0].float().cpu()


def _noise(module: SMA, batch: Batch, seed: int) -> MaskNoise:
    length = batch.padding_mask.shape[1]
    generator = torch.Generator().manual_seed(seed)
    return draw_noise(1, module.encoder.query_count(length), length, generator, batch.inputs.device)


def _with_dots(tokenizer: DiscreteTokenizer, ids: NDArray[Any], hidden: Sequence[int]) -> str:
    """Write a row's text with a dot for every hidden id."""
    shown, begin = "", 0
    for at in [*hidden, len(ids)]:
        shown += tokenizer.decode(ids[begin:at]) + (HIDDEN if at < len(ids) else "")
        begin = at + 1
    return shown
