"""The contents of ``model.json``, typed and versioned.

Training commands write the file last; a folder without it is not a run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, model_validator

from sma_core.data.scaling import FeatureScale
from sma_core.documents import json_text, parse_record, read_document
from sma_core.errors import CheckpointError
from sma_core.training.finetuning.targets import Targets

FORMAT_VERSION = 1
"""Format of ``model.json`` written by this version; later formats are rejected."""


class _Record(BaseModel):
    """Base of the records: frozen; unknown entries are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _scale(value: Any) -> FeatureScale:  # noqa: ANN401 - unvalidated input
    return value if isinstance(value, FeatureScale) else FeatureScale.from_json(value)


def _targets(value: Any) -> Targets:  # noqa: ANN401 - unvalidated input
    return value if isinstance(value, Targets) else Targets.from_json(value)


class _Format(_Record):
    """The version, which is read before all else."""

    format: int


class DomainRecord(_Record):
    """The domain of a run: its name, or the path of its file, and its package."""

    name: str
    package: str


class TokenizerRecord(_Record):
    """The tokenizer of a run; the model requires the same one."""

    name: str
    version: str
    vocabulary_size: int


class DataRecord(_Record):
    """The data of a pre-training: source, number of usable rows, and weights of mixed sets.

    Of the rows, ``windowed`` were longer than the model and were read in ``windows`` windows.
    """

    source: str
    rows: int
    weights: tuple[float, ...] | None = None
    windowed: int | None = None
    windows: int | None = None


class SplitRecord(_Record):
    """How labelled rows were split; ``fingerprint`` is missing in runs of early versions."""

    name: str
    seed: int
    rows: dict[str, int]
    fingerprint: str | None = None


class RunRecord(_Record):
    """The contents of ``model.json``.

    ``tokenizer`` is set for rows of text, ``scale`` for rows of numbers, ``sequences`` if these are sequences of
    vectors. ``task``, ``targets``, ``head`` and
    ``split`` belong to fine-tuned runs, ``data`` to pre-trained ones. ``imported`` names the foreign checkpoint
    that a run was made from.
    """

    format: int = FORMAT_VERSION
    verb: Literal["train", "finetune"]
    finished: bool = False
    domain: DomainRecord
    plugins: dict[str, str] = Field(default_factory=dict)
    tokenizer: TokenizerRecord | None = None
    scale: Annotated[FeatureScale, PlainValidator(_scale), PlainSerializer(FeatureScale.to_json)] | None = None
    sequences: bool | None = None
    data: DataRecord | None = None
    task: str | None = None
    targets: Annotated[Targets, PlainValidator(_targets), PlainSerializer(Targets.to_json)] | None = None
    head: str | None = None
    pretrained: str | None = None
    split: SplitRecord | None = None
    imported: str | None = None

    @model_validator(mode="after")
    def _has_what_its_verb_needs(self) -> Self:
        if self.verb == "finetune" and (self.targets is None or self.head is None):
            raise ValueError("a fine-tuned run needs targets and head")
        return self

    @property
    def is_finetuned(self) -> bool:
        """Whether the run is a fine-tuned model."""
        return self.verb == "finetune"

    @property
    def continuous(self) -> bool:
        """Whether the model reads rows of numbers."""
        return self.scale is not None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read ``model.json``; raises `CheckpointError` when it is missing, damaged, or of a later format."""
        try:
            text = read_document(path)
            version = parse_record(text, _Format).format
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise CheckpointError(f"{path} cannot be read: {error}") from error
        if version > FORMAT_VERSION:
            raise CheckpointError(f"{path} was written by a later sma-core (format {version}): upgrade sma-core")
        try:
            return parse_record(text, cls)
        except ValueError as error:
            raise CheckpointError(f"{path} is damaged: {error}") from error

    def to_json(self) -> str:
        """Return the text of the file; entries without a value are left out."""
        return json_text(self.model_dump(mode="json", exclude_none=True), indent=1) + "\n"
