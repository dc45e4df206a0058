"""Resolve ``--data`` to a set of files: a folder, a pattern, a URL or a list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from sma_core.config import DataConfig, FinetuneConfig, PretrainConfig
from sma_core.data.pairs import is_pair
from sma_core.data.remote.files import RemoteFile
from sma_core.data.remote.listing import RemoteLookup
from sma_core.errors import ConfigError, DataError, PluginError
from sma_core.paths import as_path, matches, names_of
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source, cache_folder, find_source
from sma_core.urls import is_url, local_path, without_secrets

C = TypeVar("C", PretrainConfig, FinetuneConfig)


@dataclass(frozen=True)
class SourceSet:
    """Files read as one set, sorted by name; ``label`` is the source as typed.

    ``mixed`` has the number of files in each of the sets mixed by weight; empty without weights. ``notes`` are
    sentences on how the features were found.
    """

    label: str
    sources: tuple[Source, ...]
    mixed: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def where(self) -> str:
        """Name of the rows in errors: the path of one file, or the label of several."""
        return str(self.first.file) if len(self.sources) == 1 else self.label

    def with_columns(self, columns: tuple[str, ...], features: tuple[str, ...] = ()) -> SourceSet:
        """Return the same files with ``columns`` as features, which get the names ``features`` if given."""
        sources = (replace(source, columns=columns, features=features) for source in self.sources)
        return replace(self, sources=tuple(sources))

    @property
    def first(self) -> Source:
        """The first file."""
        return self.sources[0]


def find_sources(registry: Registry, config: DataConfig, default: str | None = None) -> SourceSet:
    """Resolve ``config.source`` to files.

    The source is a comma-separated list of data sets, files, folders, patterns or URLs. A folder means the files
    directly in it that a reader of the domain, or ``config.reader``, can read. A pattern has ``*``, ``?``,
    ``[…]``, and ``**`` for any depth. Raises `DataError` or `PluginError` when a name matches no file or set.
    """
    parts: list[str | None] = [*names_of(config.source)] or [None]
    sources = [source for part in parts for source in _of_part(registry, part, config, default)]
    return SourceSet(without_secrets(config.source or sources[0].label), _in_order(sources))


def find_mixture(registry: Registry, config: DataConfig) -> SourceSet:
    """Resolve ``config.source`` to sets mixed by ``config.weights``; without weights, as `find_sources`.

    Each name between commas is a set. Raises `ConfigError` unless there is one weight per set.
    """
    if config.weights is None:
        return find_sources(registry, config)
    parts = names_of(config.source)
    if len(parts) != len(config.weights):
        raise ConfigError(
            f"the number of data.weights is {len(config.weights)}, but data.source names {len(parts)}: give "
            "one weight per name"
        )
    sets = [_in_order(_of_part(registry, part, config, None)) for part in parts]
    label = without_secrets(str(config.source))
    return SourceSet(label, tuple(source for sources in sets for source in sources), tuple(map(len, sets)))


def with_pair(config: C, sources: SourceSet) -> C:
    """Return settings that name the two columns of pairs, as later commands need, also those of a data set."""
    column = sources.first.column
    if not is_pair(column):
        return config
    return config.model_copy(update={"data": config.data.model_copy(update={"column": column})})


def _in_order(sources: list[Source]) -> tuple[Source, ...]:
    """Sort local files by path, then remote files by URL, without duplicates."""
    local = {source.file: source for source in sources if isinstance(source.file, Path)}
    remote = {source.file.url: source for source in sources if isinstance(source.file, RemoteFile)}
    return (*(local[path] for path in sorted(local)), *(remote[url] for url in sorted(remote)))


def _of_part(registry: Registry, part: str | None, config: DataConfig, default: str | None) -> list[Source]:
    """Resolve one name of the list to files."""
    part = None if part is None else local_path(part)
    if part is not None and is_url(part):
        return _at_url(registry, part, config)
    paths = None if part is None else matches(part)
    if part is None or paths is None:
        return [find_source(registry, config.model_copy(update={"source": part}), default)]
    if as_path(part).is_dir():
        folder = Source.of_folder(registry, as_path(part), config)
        if folder is not None:
            return [folder]
        files = [file for file in paths if _is_served(registry, file, config.reader)]
        if not files:
            raise DataError(f"the folder {part} has no file that a reader of {registry.name!r} can read")
    else:
        files = [file for file in paths if file.is_file()]
        if not files:
            raise DataError(
                f"no file matches {part}: check the pattern, and quote it, so that the shell does not expand it"
            )
    return [Source.of_file(registry, as_path(file), file.name, config) for file in files]


def _at_url(registry: Registry, url: str, config: DataConfig) -> list[Source]:
    """Return the files of a URL, without fetching them."""
    lookup = RemoteLookup(
        cache=cache_folder() / "remote",
        keep=config.keep_remote,
        serves=lambda name: _has_reader(registry, Path(name), config.reader),
        purpose=f"{registry.name} {config.reader}",
    )
    return [Source.of_file(registry, file, file.name, config) for file in lookup.files(url)]


def _is_served(registry: Registry, file: Path, reader: str | None) -> bool:
    """Return whether a file of a folder is visible and has a reader."""
    return not file.name.startswith(".") and file.is_file() and _has_reader(registry, file, reader)


def _has_reader(registry: Registry, file: Path, reader: str | None) -> bool:
    """Return whether a reader of the domain, or ``reader``, serves files of this suffix."""
    try:
        serving = registry.reader_for(file)
    except PluginError:
        return False
    return reader is None or serving.name == registry.reader_for(file, reader).name
