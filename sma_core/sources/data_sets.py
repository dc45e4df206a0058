"""From what the user typed after ``--data`` to files, reader and column."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from sma_core.config import DataConfig
from sma_core.data.remote.files import DataFile
from sma_core.errors import DataError, PluginError, UserError
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet, Reader
from sma_core.sources.hub import fetch
from sma_core.urls import is_url, local_path, without_secrets


@dataclass(frozen=True)
class Source:
    """A file to read, by which reader, and the column asked for (None: a usual name is looked for).

    Of rows of numbers: ``columns`` the features asked for (empty: all), ``names`` those of a headerless file.
    ``spec`` is the named set it is; None for a file of one's own.
    """

    label: str
    file: DataFile
    reader: Reader
    column: str | None
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    spec: DataSet | None = None

    @property
    def path(self) -> Path:
        """The file on this machine; `sma_core.data.remote.files.here` serves those behind URLs too."""
        if isinstance(self.file, Path):
            return self.file
        raise DataError(f"{self.file} is behind a URL, and a file on this machine is wanted here")


@dataclass(frozen=True)
class Place:
    """Where the file of a named set may stand: in words (``ships``, ``SMA_DATA``, ``cache``), and the path."""

    name: str
    path: Path


_OWN_CACHE: ContextVar[Path | None] = ContextVar("own_cache", default=None)


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Keep prepared stores in ``folder`` inside, in this thread: for rows that nobody will ask for again."""
    token = _OWN_CACHE.set(folder)
    try:
        yield
    finally:
        _OWN_CACHE.reset(token)


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return where prepared stores and fetched sets are kept: ``SMA_CACHE``, else the user's cache folder."""
    own = _OWN_CACHE.get()
    if own is not None:
        return own
    variables = os.environ if environment is None else environment
    if variables.get("SMA_CACHE"):
        return Path(variables["SMA_CACHE"]).expanduser()
    base = variables.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "sma"


def find_source(registry: Registry, config: DataConfig, default: str | None = None) -> Source:
    """Find the rows that ``config.source`` names: a set of the domain, or a file.

    ``default`` is the set used when the user named none; empty means the domain's own. Raises
    `DataError` or `PluginError` with what there is and what to do when nothing is found.
    """
    name = config.source or default or registry.domain.dataset
    named = {spec.name for spec in registry.specs(DataSet)}
    bare = name.removeprefix(f"{registry.name}:")
    if bare in named:
        spec = registry.find(DataSet, bare)
        path = locate(registry, spec)
        reader = registry.reader_for(path, config.reader or spec.reader)
        column, columns = config.column or spec.column, config.columns or spec.columns
        return Source(f"{registry.name}:{bare}", path, reader, column, columns, spec.names, spec)
    name = local_path(name)
    if is_url(name):
        raise DataError(
            f"{without_secrets(name)} is a URL, and this command reads files of this machine: fetch it"
        )
    path = Path(name).expanduser()
    if not path.exists():
        raise _not_found(registry, name)
    if path.is_dir():
        raise DataError(f"{path} is a folder, and this command reads one file: name one in it")
    reader = registry.reader_for(path, config.reader)
    return Source(str(path), path, reader, config.column, config.columns or ())


def _not_found(registry: Registry, name: str) -> UserError:
    """Return the error for something that is neither a file nor a set."""
    looks_like_path = "/" in name or os.sep in name or Path(name).suffix != ""
    if looks_like_path and ":" not in name:
        return DataError(f"there is no file {name}: check the path, or name a set of the domain {registry.name!r}")
    try:
        registry.find(DataSet, name)
    except PluginError as error:
        return DataError(f"{name!r} is neither a file nor a set: {error}")
    return DataError(f"cannot find {name!r}")


def places(registry: Registry, spec: DataSet) -> list[Place]:
    """Return where the file of a named set may stand, in the order in which it is looked for."""
    if spec.locate is not None:
        path: Path = resolve(spec.locate, f"the data set {spec.name!r} of {registry.provider(spec)}")()
        return [Place("ships", path)]
    found = []
    if spec.file is not None:
        if os.environ.get("SMA_DATA"):
            found.append(Place("SMA_DATA", Path(os.environ["SMA_DATA"]).expanduser() / registry.name / spec.file))
        found.append(Place("cache", _cached_sets(registry) / spec.file))
    if spec.hub is not None:
        found.append(Place("cache", _cached_sets(registry) / f"{spec.name}.hub.csv"))
    return found


def _cached_sets(registry: Registry) -> Path:
    return cache_folder() / "data" / registry.name


def locate(registry: Registry, spec: DataSet) -> Path:
    """Find the file of a named set: one that ships, in ``SMA_DATA``, in the cache, or fetched from the hub.

    Raises `DataError` that says which file to put where.
    """
    for place in places(registry, spec):
        if place.name == "ships" or place.path.is_file():
            return place.path
    cache = _cached_sets(registry)
    wants = []
    if spec.file is not None:
        wants.append(
            f"put the file {spec.file} (from {spec.source}) at {cache / spec.file}, or set SMA_DATA to a folder "
            f"that holds {registry.name}/{spec.file}"
        )
    if spec.hub is not None:
        try:
            return fetch(spec, cache)
        except UserError as error:
            wants.append(str(error))
    raise DataError(f"the data set {registry.name}:{spec.name} is not on this machine: {'; '.join(wants)}")
