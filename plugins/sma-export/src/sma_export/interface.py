"""What an exported model reads and returns, as ``model.json`` beside it says."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

from sma_core.data.pairs import columns_of
from sma_core.data.records import MISSING
from sma_core.data.tokenizers import ByteTokenizer
from sma_core.documents import json_text
from sma_core.feeds.text import TextFeed
from sma_core.models.loaded_run import LoadedRun
from sma_core.training.finetuning.targets import Binary, Multiclass, PerPosition, Regression, Targets

FORMAT = 1
OUTPUT = "results"
BYTES = "bytes"


@dataclass(frozen=True)
class Interface:
    """Inputs and outputs of an exported model.

    ``columns`` name the last axis of the output: targets, classes, or the numbers of a vector. ``remarks`` are
    sentences on what a program must do itself.
    """

    run: str
    domain: str
    packages: dict[str, str]
    task: str | None
    inputs: dict[str, Any]
    output: str
    meaning: str
    columns: tuple[str, ...]
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, run: LoadedRun, vectors: bool = False) -> Interface:
        """Describe the network of `sma_export.network.exported_network`."""
        targets = None if vectors else run.task_targets
        return cls(
            run=run.path.name,
            domain=run.domain,
            packages=dict(run.record.plugins) | {"sma-export": version("sma-export")},
            task=run.task,
            inputs=_inputs(run),
            output=OUTPUT,
            meaning=_meaning(targets),
            columns=_columns(run, targets),
            remarks=tuple(_remarks(run)),
        )

    @property
    def is_portable(self) -> bool:
        """Whether rows can be made into inputs by ``model.json`` alone."""
        tokenizer = self.inputs.get("tokenizer")
        return tokenizer is None or tokenizer["kind"] == BYTES

    def to_json(self) -> str:
        """Return the text of ``model.json``."""
        return json_text({"format": FORMAT, **asdict(self)}, indent=1) + "\n"


def _inputs(run: LoadedRun) -> dict[str, Any]:
    feed = run.feed
    if isinstance(feed, TextFeed):
        tokenizer = feed.tokenizer
        described: dict[str, Any] = {
            "kind": BYTES if type(tokenizer) is ByteTokenizer else "code",
            "name": tokenizer.name,
            "version": tokenizer.version,
            "pad": tokenizer.pad_id,
            "separator": tokenizer.separator_id,
        }
        if type(tokenizer) is ByteTokenizer:
            described["offset"] = int(tokenizer.encode(["\0"]).values[0])
        return {
            "kind": "text",
            "arguments": {"ids": "int64 (rows, length)"},
            "max_length": run.model.max_length,
            "strip": run.config.data.strip,
            "tokenizer": described,
        }
    if not run.record.sequences:
        return {
            "kind": "table",
            "arguments": {"values": "float32 (rows, features), NaN where missing"},
            "features": list(run.features),
            "missing": sorted(MISSING),
        }
    return {
        "kind": "sequences",
        "arguments": {"values": "float32 (rows, length, channels), NaN where missing", "lengths": "int64 (rows,)"},
        "channels": list(run.features),
        "max_length": run.model.max_length,
        "grid": list(run.model.grid or ()),
    }


def _meaning(targets: Targets | None) -> str:
    if targets is None:
        return "the mean vector of each row: float32 (rows, width)"
    if isinstance(targets, Regression):
        return "values in the units of the labels: float32 (rows, targets)"
    if isinstance(targets, PerPosition):
        return "probabilities of the symbols of each position: float32 (rows, length, symbols)"
    return "probabilities: float32 (rows, columns)"


def _columns(run: LoadedRun, targets: Targets | None) -> tuple[str, ...]:
    if targets is None:
        return tuple(f"v{number}" for number in range(1, run.model.latent_width + 1))
    if isinstance(targets, Multiclass):
        return targets.classes
    if isinstance(targets, Binary) and targets.classes:
        return (f"{targets.names[0]}:{targets.classes[1]}",)
    return targets.names


def _remarks(run: LoadedRun) -> list[str]:
    data, remarks = run.config.data, []
    if isinstance(run.feed, TextFeed):
        tokenizer = run.feed.tokenizer
        remarks.append(
            f"ids end with the separator, also those of rows that are cut to {run.model.max_length} ids, and are "
            "padded at the end"
        )
        if type(tokenizer) is not ByteTokenizer:
            remarks.append(
                f"the tokenizer {tokenizer.name!r} is code of a package, not part of this model: make ids with it"
            )
        remarks.append("rows are not checked: one that sma would refuse, such as an empty one, gets a result too")
        if data.normalise:
            remarks.append("the model was trained on normal forms of rows (data.normalise): bring rows into them")
        if len(columns_of(data.column)) > 1:
            remarks.append("rows are two texts, which the tokenizer's separator joins")
    else:
        remarks.append("rows are not checked: sma refuses values that are not finite or far out of range")
    if data.sentinels:
        remarks.append(f"values that mean missing ones ({data.sentinels}) must be NaN")
    return remarks
