"""Find the features of a model among the columns of files: by name, or by the columns that the user names.

Channels of sequences are also matched by position where the model's or the file's have no names, only indices.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sma_core.config import DataConfig
from sma_core.data.records import RejectedRow
from sma_core.errors import ConfigError, DataError
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source
from sma_core.sources.reading import read_values
from sma_core.sources.source_set import SourceSet

MOST_LISTED = 10


@dataclass(frozen=True)
class ModelFeatures:
    """The features of a model, by ``names``; ``are_channels`` of sequences. Empty for text and for new models."""

    names: tuple[str, ...] = ()
    are_channels: bool = False

    def found_in(
        self,
        sources: SourceSet,
        registry: Registry,
        config: DataConfig,
        columns: Sequence[str] = (),
        fields: Sequence[str] = (),
    ) -> SourceSet:
        """Return the same files, read as these features.

        ``columns`` are the columns that hold them, in their order; empty: those of the same names. ``fields`` are
        further columns that will be read. The notes of the set say what is not matched by name. Raises
        `ConfigError` for columns in another order, and `DataError` when channels are not found.
        """
        if not self.names:
            return sources
        if columns:
            said = self._check_named(columns)
            return replace(sources.with_columns(tuple(columns), self.names), notes=said)
        if not self.are_channels:
            return sources.with_columns(self.names)
        channels = [self._channels(source, registry, config, fields) for source in sources.sources]
        notes = dict.fromkeys(note for _, note in channels if note)
        return replace(sources, sources=tuple(source for source, _ in channels), notes=tuple(notes))

    def _check_named(self, columns: Sequence[str]) -> tuple[str, ...]:
        """Return what to say of the columns that hold these features, nothing if they have the same names.

        Raises `ConfigError` when a column has the name of another feature than the one it would hold.
        """
        if tuple(columns) == self.names:
            return ()
        moved = [own for own, name in zip(columns, self.names, strict=False) if own != name and own in self.names]
        if moved and self.names != _indices(len(self.names)):
            raise ConfigError(
                f"data.columns has {moved[0]!r} in the place of another feature: the model reads "
                f"{', '.join(self.names)}, in this order"
            )
        pairs = [f"{own} as {name}" for own, name in zip(columns, self.names, strict=False) if own != name]
        if not pairs:
            return ()
        listed = ", ".join(pairs[:MOST_LISTED]) + (", …" if len(pairs) > MOST_LISTED else "")
        return (f"columns are read as features of the model with other names: {listed}",)

    def _channels(
        self, source: Source, registry: Registry, config: DataConfig, fields: Sequence[str]
    ) -> tuple[Source, str]:
        """Return a source that is read as these channels, and how they were found, empty if by name."""
        named = replace(source, columns=self.names)
        if not isinstance(source.file, Path):
            return named, ""
        read_fields = tuple(dict.fromkeys(fields))
        try:
            _first_names(named, registry, config, read_fields)
        except DataError as error:
            by_position = self._by_position(source, registry, config, read_fields)
            lacks = any(f"has no column {name!r}" in str(error) for name in self.names)
            if by_position is None and not lacks:
                raise
            if by_position is None:
                hint = f"name the {len(self.names)} columns that hold the model's channels with data.columns"
                raise DataError(f"{error}; {hint}") from error
            return by_position
        return named, ""

    def _by_position(
        self, source: Source, registry: Registry, config: DataConfig, fields: tuple[str, ...]
    ) -> tuple[Source, str] | None:
        """Return a source whose channels are these in their order, if either have no names; else None."""
        listed = ", ".join(self.names)
        if self.names == _indices(len(self.names)):
            excluded = tuple(name for name in config.exclude or () if name not in fields)
            whole = replace(source, columns=(), features=self.names)
            others = _names_or_none(whole, registry, config, fields, excluded)
            note = f"the model's channels have no names: those of {source.label} are read in their order"
            if others is None or len(others) != len(self.names):
                return None
            return replace(whole, columns=others), f"{note}, {', '.join(others)}"
        numbered = replace(source, columns=self.names, names=self.names)
        if source.names or _names_or_none(numbered, registry, config, fields) is None:
            return None
        return numbered, f"the channels of {source.label} have no names: they are read as {listed}, in this order"


def _indices(count: int) -> tuple[str, ...]:
    return tuple(str(index) for index in range(count))


def _names_or_none(
    source: Source, registry: Registry, config: DataConfig, fields: tuple[str, ...], exclude: tuple[str, ...] = ()
) -> tuple[str, ...] | None:
    try:
        return _first_names(source, registry, config, fields, exclude)
    except DataError:
        return None


def _first_names(
    source: Source, registry: Registry, config: DataConfig, fields: tuple[str, ...], exclude: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Return the names of the features of the first block; raises `DataError` when the file cannot be read so."""
    with closing(read_values(registry, source, config, fields, exclude)) as rows:
        first = next((row for row in rows if not isinstance(row, RejectedRow)), None)
    return first.names(source.columns) if first is not None else source.columns
