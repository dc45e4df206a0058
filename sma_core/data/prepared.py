"""What to prepare, and what came of it: the request, the summary, and the finished folder."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from sma_core.data.blocks import BlockReader
from sma_core.data.checking import Check, check_name
from sma_core.data.readers import Reader
from sma_core.data.rejected import Verdict
from sma_core.data.store import Store
from sma_core.data.store_format import FORMAT_VERSION, LabelForm, StoreMetadata
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import DataError
from sma_core.files import sha256_of, sha256_of_facts

logger = logging.getLogger("sma")

PREPARE_VERSION = 1
TRAIN, HELD_OUT, ROWS = "train.arrow", "held_out.arrow", "rows.arrow"
SUMMARY = "summary.json"
SEAL = "sha256"
"""Where the summary has the sum of the rest of it."""


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """A file and the rules that hold for rows of every kind.

    ``held_out`` is a share of the rows, or None to keep all in one store. ``targets`` names label columns,
    ``label_form`` says what stands in them; ``extras`` names further columns whose texts come along.
    ``max_rejected`` does not shape the result, so it is not part of the fingerprint.
    """

    source: Path
    reader_name: str
    cache: Path
    max_length: int
    max_rejected: float = 0.05
    held_out: float | None = 0.02
    seed: int = 0
    targets: tuple[str, ...] = ()
    label_form: LabelForm = "numbers"
    extras: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """32 hex digits of everything that shapes the result; `DataError` when there is no such file."""
        try:
            state = self.source.stat()
        except OSError as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
            raise DataError(f"{self.source} cannot be read: {reason}; check the path") from error
        parts = {
            "versions": [PREPARE_VERSION, FORMAT_VERSION],
            "source": [str(self.source.resolve()), state.st_size, state.st_mtime_ns],
            "held_out": [self.held_out, self.seed],
            "labels": [self.targets, self.label_form, self.extras],
            **self._own_parts(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def _own_parts(self) -> dict[str, Any]:
        """Return what shapes the result of this kind of rows."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class PrepareRequest(SourceRequest):
    """Rows of text: the parts that read them.

    ``keep_text`` stores raw texts too, which splitters need. ``position_mask`` names a column of 0 and 1 that
    tells which symbols count. ``processes`` does not shape the result.
    """

    reader: Reader
    tokenizer: DiscreteTokenizer
    column: str | None = None
    usual_columns: tuple[str, ...] = ()
    truncate: bool = True
    check: Check | None = None
    position_mask: str | None = None
    keep_text: bool = False
    processes: int | None = None

    def _own_parts(self) -> dict[str, Any]:
        return {
            "reader": [self.reader_name, self.column, self.usual_columns],
            "tokenizer": [self.tokenizer.name, self.tokenizer.version, self.tokenizer.vocabulary_size],
            "length": [self.max_length, self.truncate],
            "check": check_name(self.check),
            "text": [self.position_mask, self.keep_text],
        }

    def store_metadata(self, fingerprint: str) -> StoreMetadata:
        """Describe the stores that this request makes."""
        return StoreMetadata(
            tokenizer=self.tokenizer.name,
            tokenizer_version=self.tokenizer.version,
            vocabulary_size=self.tokenizer.vocabulary_size,
            source=fingerprint,
            targets=self.targets,
            has_text=self.keep_text,
            label_form=self.label_form,
            extras=self.extras,
        )


@dataclass(frozen=True, kw_only=True)
class ValuesRequest(SourceRequest):
    """Rows of numbers: the reader of blocks, and which columns are features.

    ``columns`` and ``names`` are what a `BlockReader` takes; ``sentinels`` are values that mean missing.
    """

    reader: BlockReader
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    sentinels: tuple[float, ...] = ()

    def _own_parts(self) -> dict[str, Any]:
        return {
            "reader": [self.reader_name, self.columns, self.names],
            "values": [self.sentinels, self.max_length],
        }


@dataclass(frozen=True, kw_only=True)
class PrepareSummary:
    """Figures of a preparation; kept as ``summary.json``."""

    rows: int
    kept: int
    rejected: int
    reasons: dict[str, int]
    """Kind of reason -> number of rows, the most common first."""
    first: dict[str, tuple[int, str]]
    """Kind of reason -> number and full reason of the first such row."""
    stores: dict[str, int]
    """Store's file name -> rows in it."""
    ids: int
    longest: int
    shortened: int
    """Rows that were cut to the largest length."""
    seconds: float
    sums: dict[str, str] = field(default_factory=dict)
    """Store's file name -> SHA-256 of its content; earlier versions wrote none."""

    def to_json(self) -> dict[str, Any]:
        """Give the form that is written, with its own sum."""
        facts = {"version": PREPARE_VERSION, **asdict(self)}
        return facts | {SEAL: sha256_of_facts(facts)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read the written form; `ValueError` for another version, or when it does not fit its own sum."""
        if data.pop(SEAL, None) not in (None, sha256_of_facts(data)):
            raise ValueError(f"{SUMMARY} does not fit its own sum")
        if data.pop("version", None) != PREPARE_VERSION:
            raise ValueError("another version")
        data["first"] = {kind: (number, reason) for kind, (number, reason) in data["first"].items()}
        return cls(**data)

    def verdict(self, source: Path) -> Verdict:
        """Give the counts in the form that decides whether too many rows are unusable."""
        return Verdict(
            source=source, rows=self.rows, rejected=self.rejected, reasons=self.reasons, first=self.first
        )


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A finished folder. ``reused`` tells that it was there before."""

    folder: Path
    summary: PrepareSummary
    reused: bool

    @property
    def train(self) -> Path:
        """Store of the rows to train on."""
        return self.folder / TRAIN

    @property
    def held_out(self) -> Path:
        """Store of the rows kept apart."""
        return self.folder / HELD_OUT

    @property
    def rows(self) -> Path:
        """Store of all rows, when none are kept apart."""
        return self.folder / ROWS

    @property
    def rejected_rows(self) -> Path:
        """List of the rows set aside, one JSON object a line."""
        return self.folder / "rejected.jsonl"

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """Look at a folder: None when it is not there or not whole; a damaged one is named in a warning."""
        if not folder.is_dir():
            return None
        try:
            summary = PrepareSummary.from_json(json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
            for name, rows in summary.stores.items():
                if len(Store.open(folder / name)) != rows:
                    raise ValueError(f"{name} has another number of rows")
                if summary.sums and summary.sums.get(name) != sha256_of(folder / name):
                    raise ValueError(f"{name} does not fit its sum")
        except (OSError, ValueError, TypeError, KeyError, AttributeError, DataError) as error:
            logger.warning("the prepared data in %s are damaged and prepared again: %s", folder, error)
            return None
        return cls(folder=folder, summary=summary, reused=True)
