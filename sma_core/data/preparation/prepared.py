"""Requests to prepare a file, and the result: summary and folder."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from sma_core.data.blocks import BlockReader
from sma_core.data.plugin_code import Check, Normalise, function_name
from sma_core.data.preparation.code_digest import code_digest
from sma_core.data.preparation.rejected import RejectionVerdict
from sma_core.data.readers import Reader
from sma_core.data.remote.files import DataFile, state_of
from sma_core.data.store.file import StoreFile
from sma_core.data.store.format import FORMAT_VERSION, LabelForm, StoreMetadata
from sma_core.data.store.store import Store
from sma_core.data.tokenizers import DiscreteTokenizer, SpanTokenizer
from sma_core.documents import parse_record, read_document, validated
from sma_core.errors import DataError
from sma_core.sealed import SealedFile, seal, unseal

logger = logging.getLogger("sma")

PREPARE_VERSION = 4
SUMMARY, SEAL = "summary.json", "sum"
SHARD_ROWS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class SourceRequest:
    """A file and the settings common to all kinds of rows.

    ``targets`` names the label columns and ``label_form`` their form, ``label_values`` the two names that mean 0
    and 1, if labels are names; ``extras`` names further columns stored as text, ``options`` are further arguments
    of the reader. Rows of over ``max_length`` inputs are truncated, or without ``truncate`` rejected; or they are
    split into windows that share ``window_overlap`` inputs, which are rows of the store with the same number.
    ``max_rejected``, ``processes``, ``shard_rows`` (rows of the file per shard) and ``fresh`` (prepare again
    although the result is cached) do not affect the rows and are not part of the fingerprint, nor does
    ``temporary``: the cache is removed with the command, so that no error should refer to its files.
    """

    source: DataFile
    reader_name: str
    cache: Path
    max_length: int
    max_rejected: float = 0.05
    processes: int | None = None
    shard_rows: int = SHARD_ROWS
    targets: tuple[str, ...] = ()
    label_form: LabelForm = "numbers"
    label_values: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    truncate: bool = True
    window_overlap: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    fresh: bool = False
    temporary: bool = False

    def fingerprint(self) -> str:
        """Return 32 hex digits of all that affects the result; raises `DataError` for a missing file."""
        parts = {
            "versions": [PREPARE_VERSION, FORMAT_VERSION],
            "code": code_digest(self._modules()),
            "source": state_of(self.source),
            "labels": [self.targets, self.label_form, self.extras, self.label_values],
            "options": dict(self.options),
            **self._settings(),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    def folder(self) -> Path:
        """Return the folder of the result."""
        return self.cache / self.fingerprint()

    def cached(self) -> Prepared | None:
        """Return the result if it is cached and may be used."""
        return None if self.fresh else Prepared.find(self.folder())

    def _windows(self) -> list[int]:
        """Return the setting of windows, nothing without it, as before the setting existed."""
        return [] if self.window_overlap is None else [self.window_overlap]

    def _modules(self) -> list[str]:
        """Return the modules of the code that makes the rows."""
        raise NotImplementedError

    def _settings(self) -> dict[str, Any]:
        """Return the settings of this kind of rows that affect the result."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class PrepareRequest(SourceRequest):
    """Rows of text, with reader and tokenizer.

    ``keep_text`` also stores the raw texts, which splitters need. ``position_mask`` names a column of 0 and 1 that
    marks the symbols that count.
    """

    reader: Reader
    tokenizer: DiscreteTokenizer
    column: str | None = None
    usual_columns: tuple[str, ...] = ()
    check: Check | None = None
    normalise: Normalise | None = None
    position_mask: str | None = None
    keep_text: bool = False

    @property
    def by_character(self) -> bool:
        """Whether labels belong to characters of which an id may stand for several."""
        return self.label_form == "symbols" and bool(self.targets) and isinstance(self.tokenizer, SpanTokenizer)

    def _modules(self) -> list[str]:
        others = [name.partition(":")[0] for name in self._row_functions() if name is not None]
        return [_module(self.reader), type(self.tokenizer).__module__, *others]

    def _settings(self) -> dict[str, Any]:
        return {
            "reader": [self.reader_name, self.column, self.usual_columns],
            "tokenizer": [self.tokenizer.name, self.tokenizer.version, self.tokenizer.vocabulary_size],
            "length": [self.max_length, self.truncate, *self._windows()],
            "check": self._row_functions(),
            "text": [self.position_mask, self.keep_text, *(["by character"] if self.by_character else [])],
        }

    def _row_functions(self) -> list[str | None]:
        """Return the names of the functions that check and normalise rows, None where there is none."""
        return [None if each is None else function_name(each) for each in (self.check, self.normalise)]

    def store_metadata(self, fingerprint: str) -> StoreMetadata:
        """Return the metadata of the store to write."""
        return StoreMetadata(
            tokenizer=self.tokenizer.name,
            tokenizer_version=self.tokenizer.version,
            vocabulary_size=self.tokenizer.vocabulary_size,
            source=fingerprint,
            targets=self.targets,
            has_text=self.keep_text,
            label_form=self.label_form,
            extras=self.extras,
            by_character=self.by_character,
        )


@dataclass(frozen=True, kw_only=True)
class ValuesRequest(SourceRequest):
    """Rows of numbers, with their block reader.

    ``columns`` and ``names`` are passed to the `BlockReader`. ``features`` are their names in the store, if they
    differ; ``exclude`` are columns that are not features, ``sentinels`` values that mean "missing". ``grid`` is
    ``model.grid``, on which rows must lie.
    """

    reader: BlockReader
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    sentinels: tuple[float, ...] = ()
    grid: tuple[int, ...] | None = None

    def _modules(self) -> list[str]:
        return [_module(self.reader)]

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "reader": [self.reader_name, self.columns, self.names, *filter(None, (self.exclude, self.features))],
            "values": [self.sentinels, self.max_length, *([] if self.truncate else ["reject"]), *self._windows()],
        }
        return settings if self.grid is None else settings | {"grid": self.grid}


@dataclass(frozen=True, kw_only=True)
class ShardFile(SealedFile):
    """A store file and its number of rows."""

    rows: int

    @classmethod
    def with_rows(cls, path: Path, rows: int) -> Self:
        """Record size and checksum of a file of ``rows`` rows."""
        return cls(rows=rows, **asdict(SealedFile.of(path)))


@dataclass(frozen=True, kw_only=True)
class PrepareSummary:
    """Counts of a shard, of a file (saved as ``summary.json``), or of several files."""

    rows: int
    kept: int
    rejected: int
    reasons: dict[str, int]
    """Kind of reason -> number of rows, in descending order."""
    first: dict[str, tuple[int, str]]
    """Kind of reason -> number and full reason of its first row."""
    shards: tuple[ShardFile, ...]
    ids: int
    longest: int
    shortened: int
    """Number of rows truncated to the maximum length."""
    seconds: float
    windowed: int = 0
    """Number of rows split into windows."""
    windows: int = 0
    """Number of their windows."""
    files: dict[str, str] = field(default_factory=dict)
    """Kind of reason -> file of its first row, when there are several files."""

    @classmethod
    def merge(cls, parts: Sequence[Self], names: Sequence[str] = ()) -> Self:
        """Merge the counts of consecutive parts; ``names`` are their files, when there are several."""
        reasons: Counter[str] = Counter()
        first: dict[str, tuple[int, str]] = {}
        files: dict[str, str] = {}
        for index, part in enumerate(parts):
            reasons.update(part.reasons)
            for kind, row in part.first.items():
                if first.setdefault(kind, row) is row and names:
                    files.setdefault(kind, names[index])
        return cls(
            rows=sum(part.rows for part in parts),
            kept=sum(part.kept for part in parts),
            rejected=sum(part.rejected for part in parts),
            reasons=dict(reasons.most_common()),
            first=first,
            shards=tuple(shard for part in parts for shard in part.shards),
            ids=sum(part.ids for part in parts),
            longest=max((part.longest for part in parts), default=0),
            shortened=sum(part.shortened for part in parts),
            seconds=sum(part.seconds for part in parts),
            windowed=sum(part.windowed for part in parts),
            windows=sum(part.windows for part in parts),
            files=files,
        )

    @property
    def stored(self) -> int:
        """Number of rows of the store: usable rows, those split counted by window."""
        return self.kept - self.windowed + self.windows

    def to_json(self) -> dict[str, Any]:
        """Return the JSON form, with its checksum."""
        return seal({"version": PREPARE_VERSION, **asdict(self)}, SEAL)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the JSON form; raises `OSError`, and `ValueError` for a damaged file or another version."""
        facts = unseal(parse_record(read_document(path), dict[str, Any]), SEAL)
        if facts.pop("version", None) != PREPARE_VERSION:
            raise ValueError("another version")
        return validated(facts, cls)

    def verdict(self, source: str) -> RejectionVerdict:
        """Return the counts that decide whether too many rows of ``source`` are unusable."""
        return RejectionVerdict(
            source=source,
            rows=self.rows,
            rejected=self.rejected,
            reasons=self.reasons,
            first=self.first,
            files=self.files,
        )

    def judge(self, source: str, max_rejected: float, listed: Path | None) -> None:
        """Raise `DataError` when more than the share ``max_rejected`` of rows is unusable."""
        verdict = self.verdict(source)
        if verdict.too_many(max_rejected):
            raise verdict.error(max_rejected, listed)


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A complete folder; ``reused`` means that it was cached."""

    folder: Path
    summary: PrepareSummary
    reused: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of the store, in order."""
        return tuple(self.folder / shard.name for shard in self.summary.shards)

    @property
    def rejected_rows(self) -> Path:
        """List of rejected rows, one JSON object per line."""
        return self.folder / "rejected.jsonl"

    def open(self) -> Store:
        """Open the store of usable rows."""
        return Store.open(*self.files)

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """Return a complete folder with a usable row, else None; log a warning when it is damaged."""
        if not folder.is_dir():
            return None
        try:
            summary = PrepareSummary.read(folder / SUMMARY)
            for shard in summary.shards:
                path = folder / shard.name
                if not shard.is_whole(path, always=False) or len(StoreFile.open(path)) != shard.rows:
                    raise ValueError(f"{shard.name} has changed since it was written")
        except (OSError, ValueError, DataError) as error:
            logger.warning("the prepared data in %s are damaged and will be prepared again: %s", folder, error)
            return None
        return cls(folder=folder, summary=summary, reused=True) if summary.kept else None


def _module(function: object) -> str:
    """Return the name of the module that defines a reader: a function, or an object of a class."""
    return str(getattr(function, "__module__", None) or type(function).__module__)
