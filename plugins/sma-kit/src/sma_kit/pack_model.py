"""`pack_model`: write a pre-trained run as a plugin ships it: without optimiser state, with a model card."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sma_core.checkpoints.store import CheckpointStore
from sma_core.cli.output import counted
from sma_core.config.layers import flatten
from sma_core.documents import parse_record, read_document
from sma_core.errors import CheckpointError, UserError
from sma_core.files import write_atomically
from sma_core.paths import as_path
from sma_core.runs.record import RunRecord
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.shipped_models import CARD
from sma_core.training.reporting.metrics_file import read_metrics

CURVE = "held_out_random_loss"
"""Metric of the learning curve on the card."""
_SETTINGS = ("model.", "masking.", "training.")


@dataclass(frozen=True)
class PackedModel:
    """The folder of a packed model, the step of its weights, and its size in bytes."""

    path: Path
    step: int
    size: int


def pack_model(run: str | Path, out: str | Path, card: str | Path, step: int | None = None) -> PackedModel:
    """Write ``run`` to the new folder ``out``, to be shipped in a plugin's package.

    The folder has settings, learning curve, the weights of ``step`` (None: the newest), and the model card: the
    text of the Markdown file ``card``, followed by how the model was trained. Every command reads this run folder,
    but training cannot be resumed from it.

    Raises `CheckpointError` when ``run`` is not a finished pre-training or has no checkpoint of ``step``,
    `UserError` when ``out`` exists or ``card`` cannot be read.
    """
    source, target = RunFolder.open(as_path(run)), as_path(out)
    record = source.record()
    if record.is_finetuned or not record.finished:
        raise CheckpointError(f"{run} is not a finished run of sma train, which a shipped model must be")
    text = _read_card(as_path(card) or Path())
    checkpoint = source.checkpoints.latest() if step is None else source.checkpoints.at(step)
    if checkpoint is None:
        raise CheckpointError(f"{run} has no checkpoint")
    if target.exists():
        raise UserError(f"{out} already exists: remove it, or pass another `out`")
    try:
        target.mkdir(parents=True)
        for name in ("config.toml", "metrics.jsonl"):
            shutil.copyfile(source.path / name, target / name)
        state = {"metrics": checkpoint.state.get("metrics"), "step": checkpoint.step}
        CheckpointStore(target / "checkpoints").save(checkpoint.step, checkpoint.model(), {}, state)
        lines = [text.rstrip(), "", *_how_trained(source, record, checkpoint.step)]
        write_atomically(target / CARD, "\n".join(lines) + "\n")
        write_atomically(target / "model.json", record.to_json())
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    return PackedModel(target, checkpoint.step, size)


def _read_card(path: Path) -> str:
    try:
        return read_document(path).decode()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(
            f"the model card {path} cannot be read: {reason}; write one that says what the model can and "
            "cannot do, with its results"
        ) from error


def _how_trained(run: RunFolder, record: RunRecord, step: int) -> Iterator[str]:
    """Yield the part of the card that follows from the run: rows, settings, curve and versions."""
    lines = [line for line in read_metrics(run.metrics) if CURVE in line and line["step"] <= step]
    yield "## How it was trained"
    yield ""
    if record.data is not None:
        yield f"- Rows: {record.data.rows:,} of `{record.data.source}`"
    if lines:
        yield f"- Steps: {step:,}, in {lines[-1].get('time', 0) / 60:.0f} minutes"
    facts = _environment(run)
    if facts is not None:
        packages = ", ".join(f"{name} {version}" for name, version in facts.packages.items())
        device = facts.cuda or f"{counted(facts.cores, 'core')}, {counted(facts.threads, 'thread')}"
        yield f"- Machine: {device}; {packages}"
    yield ""
    yield from _curve(lines)
    yield "Settings:"
    yield ""
    yield "```toml"
    for name, value in flatten(run.config()):
        if name.startswith(_SETTINGS):
            yield f"{name} = {json.dumps(value)}"
    yield "```"


def _curve(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the held-out loss at steps about twice as large each time."""
    if not lines:
        return
    yield "Loss on held-out rows under random masks:"
    yield ""
    yield "| step | loss |"
    yield "| --- | --- |"
    wanted = 1
    for line in lines:
        if line["step"] == 0 or line["step"] >= wanted or line is lines[-1]:
            yield f"| {line['step']:,} | {line[CURVE]:.3f} |"
            wanted = max(2 * line["step"], 1)
    yield ""


@dataclass(frozen=True)
class _Environment:
    """The entries of ``environment.json`` that the card shows."""

    packages: dict[str, str | None]
    cuda: str | None = None
    cores: int = 1
    threads: int = 1


def _environment(run: RunFolder) -> _Environment | None:
    try:
        return parse_record(read_document(run.path / "environment.json"), _Environment)
    except (OSError, ValueError):
        return None
