"""Several files as one set: what a folder, a pattern, a URL or a list after ``--data`` stands for."""

from __future__ import annotations

import glob
from dataclasses import dataclass, replace
from pathlib import Path

from sma_core.config import DataConfig
from sma_core.data.remote.files import RemoteFile
from sma_core.data.remote.listing import RemoteLookup
from sma_core.errors import ConfigError, DataError, PluginError
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source, cache_folder, find_source
from sma_core.urls import is_url, local_path, without_secrets

SEPARATOR = ","
_PATTERN = set("*?[")


@dataclass(frozen=True)
class SourceSet:
    """Files that are read as one set, in the order of their names; ``label`` is what the user called them.

    ``mixed`` has, for sets that are mixed by weight, how many of the files belong to each.
    """

    label: str
    sources: tuple[Source, ...]
    mixed: tuple[int, ...] = ()

    @property
    def where(self) -> str:
        """What an error calls the rows: the path of a file, or the label of several."""
        return str(self.first.file) if len(self.sources) == 1 else self.label

    def with_columns(self, columns: tuple[str, ...]) -> SourceSet:
        """Return the same files with these columns as features."""
        return replace(self, sources=tuple(replace(source, columns=columns) for source in self.sources))

    @property
    def first(self) -> Source:
        """The file whose rows are counted first."""
        return self.sources[0]


def find_sources(registry: Registry, config: DataConfig, default: str | None = None) -> SourceSet:
    """Find the files that ``config.source`` names: a set of the domain, a file, or several.

    A folder stands for all files in it, not in its folders, that a reader of the domain serves (or that
    ``config.reader`` does); a pattern (``*``, ``?``, ``[…]``, and ``**`` for folders at any depth) for the files
    that fit; names divided by commas for all of theirs, in one order. Each may be a URL. Raises `DataError` or
    `PluginError` when one is nothing.
    """
    parts = _parts(config.source)
    found = [source for part in parts for source in _of_part(registry, part, config, default)]
    return SourceSet(without_secrets(config.source or found[0].label), _in_order(found))


def find_mixture(registry: Registry, config: DataConfig) -> SourceSet:
    """Find what ``config.source`` names as sets that are mixed by ``config.weights``, if there are any.

    Each name between commas is then a set. Raises `ConfigError` when there are more or fewer of them than weights.
    """
    if config.weights is None:
        return find_sources(registry, config)
    parts = _parts(config.source)
    if len(parts) != len(config.weights):
        raise ConfigError(
            f"data.weights are {len(config.weights)}, but --data names {len(parts)} between its commas: give a "
            "weight for each"
        )
    sets = [_in_order(_of_part(registry, str(part), config, None)) for part in parts]
    label = without_secrets(str(config.source))
    return SourceSet(label, tuple(source for each in sets for source in each), tuple(map(len, sets)))


def _parts(name: str | None) -> list[str | None]:
    """Cut a list of names; a file whose own name has a comma is one name."""
    if name is None or Path(name).expanduser().exists():
        return [name]
    return [part.strip() for part in name.split(SEPARATOR) if part.strip()] or [name]


def _in_order(sources: list[Source]) -> tuple[Source, ...]:
    """Sort files by their paths, those behind URLs after them by theirs, each once."""
    local = {source.file: source for source in sources if isinstance(source.file, Path)}
    remote = {source.file.url: source for source in sources if isinstance(source.file, RemoteFile)}
    return (*(local[path] for path in sorted(local)), *(remote[url] for url in sorted(remote)))


def _of_part(registry: Registry, part: str | None, config: DataConfig, default: str | None) -> list[Source]:
    """Return the files that one name stands for."""
    part = None if part is None else local_path(part)
    if part is not None and is_url(part):
        return _at_url(registry, part, config)
    path = Path(part or "").expanduser()
    if part is None or not (path.is_dir() or (_PATTERN & set(part) and not path.exists())):
        return [find_source(registry, config.model_copy(update={"source": part}), default)]
    if path.is_dir():
        files = [file for file in path.iterdir() if _is_served(registry, file, config.reader)]
        if not files:
            raise DataError(f"the folder {part} holds no file that a reader of {registry.name!r} serves")
    else:
        files = [Path(file) for file in glob.glob(str(path), recursive=True) if Path(file).is_file()]  # noqa: PTH207
        if not files:
            raise DataError(
                f"no file fits {part}: check the pattern, and quote it, so that the shell leaves it alone"
            )
    return [
        Source(str(file), file, registry.reader_for(file, config.reader), config.column, config.columns or ())
        for file in files
    ]


def _at_url(registry: Registry, url: str, config: DataConfig) -> list[Source]:
    """Return the files behind a URL, none of which is fetched yet."""
    place = RemoteLookup(
        cache=cache_folder() / "remote",
        keep=config.keep_remote,
        serves=lambda name: _has_reader(registry, Path(name), config.reader),
        purpose=f"{registry.name} {config.reader}",
    )
    return [
        Source(
            str(file),
            file,
            registry.reader_for(Path(file.name), config.reader),
            config.column,
            config.columns or (),
        )
        for file in place.files(url)
    ]


def _is_served(registry: Registry, file: Path, reader: str | None) -> bool:
    """Whether a file of a folder belongs to the set: no hidden one, and none of another kind."""
    return not file.name.startswith(".") and file.is_file() and _has_reader(registry, file, reader)


def _has_reader(registry: Registry, file: Path, reader: str | None) -> bool:
    """Whether a reader of the domain, or the one that was named, serves files of this ending."""
    try:
        serving = registry.reader_for(file)
    except PluginError:
        return False
    return reader is None or serving.name == registry.reader_for(file, reader).name
