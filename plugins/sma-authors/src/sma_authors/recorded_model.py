"""Parity of a recorded model: rebuild it, load its weights and compare every recorded tensor.

A case is a folder with ``config.json``, ``model.safetensors``, ``inputs.safetensors`` and ``outputs.safetensors``.
The format is documented in plugins/sma-authors/tests/parity/fixtures/README.md.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from sma_authors.comparison import (
    GRADIENT_FLOOR,
    TRAINING_SHARE,
    Verdict,
    compare,
    compare_exactly,
    left_out,
)
from sma_authors.stages import decoder_stages, first_layer, mask_of, trunk_stages, watching
from sma_authors.weights import (
    Checkpoint,
    build_predictor,
    read_checkpoint,
    split_back,
    take_over,
)
from sma_core.config.masking import MaskingConfig
from sma_core.documents import parse_record, read_document
from sma_core.errors import CheckpointError
from sma_core.nn.encoders.encoder import Latents
from sma_core.nn.guidance.counts import row_query_counts
from sma_core.nn.masking import Draw, MaskNoise, attention_of, hide, importance, query_scores
from sma_core.nn.model import SMA, Predictor


@dataclass(frozen=True)
class Case:
    """Recorded model: its checkpoint, inputs, outputs and metadata."""

    name: str
    checkpoint: Checkpoint
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    meta: dict[str, Any]

    @property
    def real(self) -> Tensor:
        """Mask of the non-padding positions, ``(B, N)`` bool."""
        return self.inputs["attention_mask"] > 0


def read_case(folder: Path) -> Case:
    """Read a case from a folder; raise `CheckpointError` if a file is missing or damaged."""
    tensors = {}
    for part in ("inputs", "outputs"):
        path = folder / f"{part}.safetensors"
        try:
            tensors[part] = load_file(path)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
    meta_file = folder / "meta.json"
    try:
        meta = parse_record(read_document(meta_file), dict[str, Any]) if meta_file.is_file() else {}
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{meta_file} cannot be read: {error}") from error
    return Case(folder.name, read_checkpoint(folder), tensors["inputs"], tensors["outputs"], meta)


def check_case(case: Case, dtype: torch.dtype = torch.float32) -> list[Verdict]:
    """Compare all recorded tensors, computed in ``dtype``; tensors that cannot be compared get a reason."""
    settings = case.checkpoint.settings
    if settings.head is None:
        model = SMA(settings.model, settings.inputs)
        unused = take_over(model, case.checkpoint)
        verdicts = _check_pretraining(case, model.to(dtype).train())
    else:
        predictor = build_predictor(settings)
        unused = take_over(predictor, case.checkpoint)
        verdicts = _check_classification(case, predictor.to(dtype).train())
    verdicts += [left_out(case.name, name, "a tensor that the network does not use") for name in unused]
    compared = {verdict.tensor for verdict in verdicts}
    missing = [name for name in case.outputs if name not in compared and name != "guided.chosen_queries"]
    return verdicts + [left_out(case.name, name, "not computed by this program") for name in missing]


def _compared(case: Case, stages: Mapping[str, Tensor]) -> Iterator[Verdict]:
    for name, value in stages.items():
        if name in case.outputs:
            yield compare(case.name, name, value, case.outputs[name])


def _compared_latents(case: Case, stages: Mapping[str, Tensor], real: Tensor | None) -> Iterator[Verdict]:
    """Compare latents ``(B, L, D)``; if ``real`` ``(B, L)`` bool is passed, only at its positions."""
    for name, value in stages.items():
        if name not in case.outputs:
            continue
        recorded = case.outputs[name]
        if real is None:
            yield compare(case.name, name, value, recorded)
        else:
            kept = real[:, : recorded.shape[1], None]
            yield compare(case.name, name, value[:, : recorded.shape[1]] * kept, recorded * kept)


def _check_pretraining(case: Case, model: SMA) -> list[Verdict]:
    inputs, real, hidden = case.inputs["inputs"], case.real, case.inputs["fixed_mask"] > 0
    visible = real & ~hidden
    most = int(visible.sum(dim=1).max())
    with watching(model) as seen:
        result = model.reconstruct(inputs, real, mask_of(hidden), most)
    result.loss.backward()  # type: ignore[no-untyped-call]
    kept = torch.arange(most) < visible.sum(dim=1)[:, None] if model.encoder.of_inputs else None  # (B, L)
    trunk = trunk_stages(seen, model)
    verdicts = [*_compared(case, first_layer(model, inputs, visible)), *_compared_latents(case, trunk, kept)]
    verdicts += _compared(case, decoder_stages(model, Latents(trunk["latents.final"], kept), hidden))
    verdicts += _compared(case, {"loss": result.loss})
    verdicts += _gradients(case, model)
    verdicts += _undisturbed(case, model)
    verdicts += _guided(case, model)
    return verdicts + _training(case, model, hidden)


def _undisturbed(case: Case, model: SMA) -> list[Verdict]:
    """Compare a forward pass in evaluation mode without masking."""
    inputs, real = case.inputs["inputs"], case.real
    model.eval()
    with torch.no_grad():
        latents = model.encode(inputs, real)
        stages = first_layer(model, inputs, real, "eval.")
        stages["eval.decoder.logits"] = decoder_stages(model, latents, None)["decoder.logits"]
    model.train()
    whole = {"eval.latents.final": latents.values}
    return [*_compared(case, stages), *_compared_latents(case, whole, latents.real)]


def _guided(case: Case, model: SMA) -> list[Verdict]:
    """Compare the guided mask computed from the recorded queries, and the loss under the recorded mask."""
    chosen, masking = case.outputs.get("guided.chosen_queries"), case.checkpoint.settings.masking
    if chosen is None or "guided.mask" not in case.outputs:
        return []
    if masking is None or masking.head_aggregation != "mean" or masking.anneal is not None:
        note = "the random draws it depends on were not recorded"
        return [left_out(case.name, name, note) for name in ("guided.mask", "guided.loss")]
    inputs, real, recorded = case.inputs["inputs"], case.real, case.outputs["guided.mask"] > 0
    draw = Draw(chosen.clamp(min=0), chosen >= 0, None)
    with torch.no_grad():
        projected = model.encoder.project(model.embed(inputs))
        attention = attention_of(query_scores(projected.queries, projected.keys, draw.queries), real)
        ranking = importance(attention, draw, model.encoder.first.settings.heads, masking.mask_self)
        positions = torch.zeros_like(ranking)
        noise = MaskNoise(positions, positions, positions, torch.zeros((), dtype=torch.float64))
        hidden = hide(ranking, real, masking.model_copy(update={"reconstruct": "hidden"}), noise).hidden
        loss = model.reconstruct(inputs, real, mask_of(recorded)).loss
    counts, lengths = recorded.sum(dim=1), real.sum(dim=1)
    comparable = (counts > 0) & (counts < lengths) & draw.valid.any(dim=1)
    note = (
        ""
        if comparable.all()
        else f"{int((~comparable).sum())} rows left out: ours hides and shows at least one position"
    )
    verdicts = [compare_exactly(case.name, "guided.mask", hidden[comparable], recorded[comparable], note)]
    verdicts += _compared(case, {"guided.loss": loss}) if masking.reconstruct == "hidden" else []
    return [*verdicts, *_drawn_counts(case, model, masking, chosen)]


def _drawn_counts(case: Case, model: SMA, masking: MaskingConfig, chosen: Tensor) -> Iterator[Verdict]:
    """Compare the numbers of drawn queries; ``chosen`` ``(B, n)`` int64 is padded with -1."""
    lengths, length = case.real.sum(dim=1), case.real.shape[1]
    queries, of_inputs = model.encoder.query_count(length), model.encoder.of_inputs
    name = "guided.chosen_queries (count)"
    if not of_inputs and queries == length:
        yield left_out(
            case.name, name, "as many latents as inputs, which the authors' code treats as self-attention"
        )
        return
    ours = row_query_counts(lengths, length, queries, masking, of_inputs)
    yield compare_exactly(case.name, name, ours, (chosen >= 0).sum(dim=1).clamp(min=1))


def _training(case: Case, model: SMA, hidden: Tensor) -> list[Verdict]:
    """Compare the losses of the recorded AdamW steps under the fixed mask."""
    recorded = case.outputs.get("train.losses")
    if recorded is None:
        return []
    model = copy.deepcopy(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    losses = []
    for _ in range(len(recorded)):
        optimizer.zero_grad()
        loss = model.reconstruct(case.inputs["inputs"], case.real, mask_of(hidden)).loss
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        losses.append(loss.detach())
    return [compare(case.name, "train.losses", torch.stack(losses), recorded, share=TRAINING_SHARE)]


def _check_classification(case: Case, model: Predictor) -> list[Verdict]:
    inputs, real = case.inputs["inputs"], case.real
    with watching(model) as seen:
        logits = model(inputs, real)
    loss = _label_loss(case, logits)
    loss.backward()  # type: ignore[no-untyped-call]
    verdicts = list(_compared(case, first_layer(model, inputs, real)))
    of_inputs, head = model.encoder.of_inputs, case.checkpoint.settings.head
    verdicts += _compared_latents(case, trunk_stages(seen, model), real if of_inputs else None)
    if of_inputs and head == "mean" and not real.all():
        note = "the authors' code includes padding in the mean, ours does not"
        names = [name for name in case.outputs if name.startswith(("grad", "logits", "loss", "decoder"))]
        return verdicts + [left_out(case.name, name, note) for name in names]
    stages = {"logits": logits, "decoder.logits": logits[:, None], "loss": loss}
    if head == "decoder":
        stages["decoder.layer_output"] = seen.outputs["head.layer"]
        stages["decoder.final_layernorm"] = seen.outputs["head.output_norm"]
    return [*verdicts, *_compared(case, stages), *_gradients(case, model)]


def _label_loss(case: Case, logits: Tensor) -> Tensor:
    """Compute the loss of the recording, chosen by its metadata, settings and the labels' dtype."""
    labels = case.inputs["labels"]
    values = (case.meta.get("problem_type"), case.meta.get("loss_fn"), case.checkpoint.settings.problem)
    description = " ".join(map(str, values)).lower()
    if not labels.is_floating_point():
        return functional.cross_entropy(logits, labels.flatten())
    labels = labels.to(logits.dtype)
    if any(word in description for word in ("bce", "multi_label", "binary")):
        return functional.binary_cross_entropy_with_logits(logits, labels.view_as(logits))
    return functional.mse_loss(logits.view_as(labels), labels)


def _gradients(case: Case, model: nn.Module) -> Iterator[Verdict]:
    """Compare every recorded gradient, and the norm of all gradients.

    A key bias shifts all scores of a query equally, so its gradient is 0 up to rounding; its tolerance is
    relative to the norm of all gradients.
    """
    gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    theirs = split_back(model, gradients, case.checkpoint.settings.head == "mean")
    norm = torch.stack([gradient.norm() for gradient in gradients.values()]).norm()
    for name, recorded in case.outputs.items():
        ours = theirs.get(name.removeprefix("grad.")) if name.startswith("grad.") else None
        if ours is not None:
            floor = max(GRADIENT_FLOOR, norm.item()) if name.endswith(".key.bias") else GRADIENT_FLOOR
            yield compare(case.name, name, ours, recorded, floor=floor)
    if "grad_norm_all" in case.outputs:
        yield compare(case.name, "grad_norm_all", norm, case.outputs["grad_norm_all"], floor=GRADIENT_FLOOR)
