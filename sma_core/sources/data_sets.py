"""Resolve a data set or file name to a path, reader and columns."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sma_core.config import DataConfig
from sma_core.data.remote.files import DataFile
from sma_core.errors import DataError, PluginError, UserError
from sma_core.paths import as_path, is_special
from sma_core.plugin_calls import errors_of, given
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import DataSet, Reader
from sma_core.sources.hub import fetch
from sma_core.urls import is_url, local_path, without_secrets


@dataclass(frozen=True)
class Source:
    """A file, its reader, and the input column (None: a usual name).

    For rows of numbers, ``columns`` are the features (empty: all), ``names`` the columns of a file without header,
    and ``features`` the names that a model has for ``columns``, if others.
    ``spec`` is the named data set, None for a user's file. ``options`` are further arguments of the reader.
    """

    label: str
    file: DataFile
    reader: Reader
    column: str | None
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    spec: DataSet | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def of_file(cls, registry: Registry, file: DataFile, name: str, config: DataConfig) -> Source:
        """Return the source of a user's file of this name."""
        reader = registry.reader_for(Path(name), config.reader)
        columns, names = config.columns or (), config.names or ()
        options = _options(registry, reader, config)
        return cls(str(file), file, reader, config.column, columns, names, options=options)

    @classmethod
    def of_folder(cls, registry: Registry, path: Path, config: DataConfig) -> Source | None:
        """Return the source of a folder if its reader gets folders whole, else None."""
        reader = registry.folder_reader(config.reader)
        if reader is None:
            return None
        return cls.of_file(registry, path, path.name, config.model_copy(update={"reader": reader}))

    @property
    def path(self) -> Path:
        """Path of a local file; for remote ones use `sma_core.data.remote.files.local_copy`."""
        if isinstance(self.file, Path):
            return self.file
        raise DataError(f"{self.file} is a URL, but a local file is required")


@dataclass(frozen=True)
class DataSetLocation:
    """A possible location of a named set: its kind (``ships``, ``SMA_DATA`` or ``cache``) and path."""

    name: str
    path: Path


_CACHE_OVERRIDE: ContextVar[Path | None] = ContextVar("cache_override", default=None)


@contextmanager
def cache_in(folder: Path) -> Iterator[None]:
    """Use ``folder`` as the cache within the context, in this thread: for temporary rows."""
    token = _CACHE_OVERRIDE.set(folder)
    try:
        yield
    finally:
        _CACHE_OVERRIDE.reset(token)


@contextmanager
def nothing_kept() -> Iterator[None]:
    """Use a temporary cache within the context, for dry runs."""
    with tempfile.TemporaryDirectory(prefix="sma-") as folder, cache_in(Path(folder)):
        yield


def has_temporary_cache() -> bool:
    """Return whether rows are kept only within a `cache_in`."""
    return _CACHE_OVERRIDE.get() is not None


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of prepared stores and fetched sets: ``SMA_CACHE``, else the user's cache folder."""
    return _CACHE_OVERRIDE.get() or _users_cache(os.environ if environment is None else environment)


def cached_file(*names: str) -> Path:
    """Return the path of a file in the cache; within `cache_in`, that in the user's cache if it is there."""
    path = _users_cache(os.environ).joinpath("data", *names)
    return path if path.is_file() else cache_folder().joinpath("data", *names)


def _users_cache(variables: Mapping[str, str]) -> Path:
    if variables.get("SMA_CACHE"):
        return as_path(variables["SMA_CACHE"])
    base = variables.get("XDG_CACHE_HOME")
    return (as_path(base) if base else Path.home() / ".cache") / "sma"


def find_source(registry: Registry, config: DataConfig, default: str | None = None) -> Source:
    """Resolve ``config.source``, a data set of the domain or a file.

    ``default`` is the set used when no source is given; None: the domain's own. Raises `DataError` or
    `PluginError` when there is no such set or file.
    """
    name = config.source or default or registry.domain.dataset
    named = {spec.name for spec in registry.specs(DataSet)}
    bare = name.removeprefix(f"{registry.name}:")
    if bare in named:
        spec = registry.find(DataSet, bare)
        path = locate(registry, spec)
        reader = registry.reader_for(path, config.reader or spec.reader)
        column, columns = config.column or spec.column, config.columns or spec.columns
        names, options = config.names or spec.names, _options(registry, reader, config)
        return Source(f"{registry.name}:{bare}", path, reader, column, columns, names, (), spec, options)
    name = local_path(name)
    if is_url(name):
        raise DataError(f"{without_secrets(name)} is a URL, but this command reads local files: download it first")
    path = as_path(name)
    if not path.exists():
        raise _not_found(registry, name)
    if is_special(path):
        raise DataError(f"{path} is a pipe or device, not a file; write its content to a file and name that")
    if path.is_dir():
        folder = Source.of_folder(registry, path, config)
        if folder is None:
            raise DataError(f"{path} is a folder, but this command reads one file: name a file in it")
        return folder
    return Source.of_file(registry, path, path.name, config)


def _options(registry: Registry, reader: Reader, config: DataConfig) -> dict[str, Any]:
    """Return the options of a reader, without those of a recipe that only the domain's usual reader has."""
    options = config.reader_options
    if not config.options or reader.name == registry.domain.reader:
        return options
    own = _parameters(registry.build(reader))
    usual = _parameters(registry.build(registry.find(Reader, registry.domain.reader)))
    left_out = {name for name in config.options if name not in own and name in usual}
    return {name: value for name, value in options.items() if name not in left_out}


def open_reader(registry: Registry, source: Source) -> Callable[..., Iterator[Any]]:
    """Return the reader function of a source; raises `DataError` when it lacks an option that was set."""
    read: Callable[..., Iterator[Any]] = registry.build(source.reader)
    known = _parameters(read)
    for option in source.options:
        if option not in known:
            setting = option if option in DataConfig.model_fields else f"options.{option}"
            raise DataError(
                f"{source.label} is read by {source.reader.name!r}, which has no data.{setting}: unset it"
            )
    return read


def without_unknown(registry: Registry, source: Source, names: Collection[str]) -> Source:
    """Return a source without those options of ``names`` that its reader lacks."""
    known = _parameters(registry.build(source.reader))
    options = {name: value for name, value in source.options.items() if name in known or name not in names}
    return replace(source, options=options)


def _parameters(read: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(read).parameters


def _not_found(registry: Registry, name: str) -> UserError:
    """Return the error for a name that is neither a file nor a set."""
    looks_like_path = "/" in name or os.sep in name or Path(name).suffix != ""
    if looks_like_path and ":" not in name:
        return DataError(f"there is no file {name}: check the path, or name a set of the domain {registry.name!r}")
    try:
        registry.find(DataSet, name)
    except PluginError as error:
        return DataError(f"{name!r} is neither a file nor a set: {error}")
    return DataError(f"cannot find {name!r}")


def locations(registry: Registry, spec: DataSet) -> list[DataSetLocation]:
    """Return the possible locations of a named set, in search order."""
    if spec.locate is not None:
        part = f"the data set {spec.name!r} of {registry.provider(spec)}"
        function = f"locate of {part}"
        with errors_of(function):
            path: object = resolve(spec.locate, part)()
        if not isinstance(path, Path):
            raise PluginError(f"{function} must return a pathlib.Path, not {given(path)}")
        return [DataSetLocation("ships", path)]
    candidates = []
    if spec.file is not None:
        if os.environ.get("SMA_DATA"):
            candidates.append(
                DataSetLocation("SMA_DATA", as_path(os.environ["SMA_DATA"]) / registry.name / spec.file)
            )
        candidates.append(DataSetLocation("cache", cached_file(registry.name, spec.file)))
    if spec.hub is not None:
        candidates.append(DataSetLocation("cache", cached_file(registry.name, f"{spec.name}.hub.csv")))
    return candidates


def _cached_sets(registry: Registry) -> Path:
    return cache_folder() / "data" / registry.name


def locate(registry: Registry, spec: DataSet) -> Path:
    """Return the file of a named set: shipped, in ``SMA_DATA``, in the cache, or fetched from the hub.

    Raises `DataError` with instructions when it is not available.
    """
    for location in locations(registry, spec):
        if location.name == "ships" or location.path.is_file():
            return location.path
    cache = _cached_sets(registry)
    remedies = []
    if spec.file is not None:
        remedies.append(
            f"put the file {spec.file} (from {spec.source}) at {cache / spec.file}, or set SMA_DATA to a folder "
            f"that holds {registry.name}/{spec.file}"
        )
    if spec.hub is not None:
        try:
            return fetch(spec, cache)
        except UserError as error:
            remedies.append(str(error))
    raise DataError(f"the data set {registry.name}:{spec.name} is not on this machine: {'; '.join(remedies)}")
