"""What to prepare, and what came of it: the request, the summary, and the finished folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from sma_core.data.checking import Check, check_name
from sma_core.data.readers import Reader
from sma_core.data.rejected import Verdict
from sma_core.data.store import FORMAT_VERSION, Store, StoreMetadata
from sma_core.data.tokenizers import DiscreteTokenizer
from sma_core.errors import DataError

PREPARE_VERSION = 1
TRAIN, HELD_OUT, ROWS = "train.arrow", "held_out.arrow", "rows.arrow"
SUMMARY = "summary.json"


@dataclass(frozen=True, kw_only=True)
class PrepareRequest:
    """A file, the parts that read it, and the rules.

    ``held_out`` is a share of the rows, or None to keep all in one store. ``targets`` names label
    columns. ``keep_text`` stores raw texts too, which splitters need. ``max_rejected`` and ``processes``
    do not shape the result, so they are not part of its fingerprint.
    """

    source: Path
    reader: Reader
    reader_name: str
    tokenizer: DiscreteTokenizer
    cache: Path
    max_length: int
    column: str | None = None
    usual_columns: tuple[str, ...] = ()
    truncate: bool = True
    check: Check | None = None
    max_rejected: float = 0.05
    held_out: float | None = 0.02
    seed: int = 0
    targets: tuple[str, ...] = ()
    keep_text: bool = False
    processes: int | None = None

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
            "reader": [self.reader_name, self.column, self.usual_columns],
            "tokenizer": [self.tokenizer.name, self.tokenizer.version, self.tokenizer.vocabulary_size],
            "length": [self.max_length, self.truncate],
            "check": check_name(self.check),
            "held_out": [self.held_out, self.seed],
            "labels": [self.targets, self.keep_text],
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def store_metadata(self, fingerprint: str) -> StoreMetadata:
        """Describe the stores that this request makes."""
        return StoreMetadata(
            tokenizer=self.tokenizer.name,
            tokenizer_version=self.tokenizer.version,
            vocabulary_size=self.tokenizer.vocabulary_size,
            source=fingerprint,
            targets=self.targets,
            has_text=self.keep_text,
        )


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

    def to_json(self) -> dict[str, Any]:
        """Give the form that is written."""
        return {"version": PREPARE_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read the written form; `ValueError` for another version."""
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
        """Look at a folder: None when it is not there or not whole."""
        try:
            summary = PrepareSummary.from_json(json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
            for name, rows in summary.stores.items():
                if len(Store.open(folder / name)) != rows:
                    return None
        except (OSError, ValueError, TypeError, KeyError, AttributeError, DataError):
            return None
        return cls(folder=folder, summary=summary, reused=True)
