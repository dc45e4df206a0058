"""Provide a local path for a data file, local or remote.

A remote file is fetched once, to ``remote/<fingerprint>/<name>`` in the cache. The fingerprint covers the URL,
size and version that the server reports, so a changed file gets a new folder. A lock guards the folder, and the
file is renamed into place when complete.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from filelock import FileLock, Timeout
from pydantic import TypeAdapter

from sma_core.data.remote.access import FetchError, UnreachableError, fetch_errors, open_filesystem, version_of
from sma_core.documents import parse_record, read_document
from sma_core.errors import DataError, UserError
from sma_core.files import remove_temporaries, replacing, sha256_of_facts, write_atomically
from sma_core.urls import name_of

R = TypeVar("R")
logger = logging.getLogger("sma.remote")
SECONDS_BETWEEN_NOTES = 10.0
LOCK, TEMPORARY = ".lock", ".passing"
"""Names in the folder of a file: its lock, and the folder of a copy that is removed after use."""


@dataclass(frozen=True)
class RemoteFile:
    """A remote file, as listed by its server.

    ``url`` has no secrets and is shown in messages; ``root`` is the URL as typed, ``path`` the path in its file
    system. ``size`` (bytes) and ``version`` (key and value of tag, checksum or time) are None when unknown. Copies
    go to ``cache``; without ``keep`` they are removed after use. ``lost`` says why the server could not be
    reached, for a file known from an earlier listing.
    """

    url: str
    size: int | None
    version: tuple[str, str] | None
    cache: Path
    keep: bool = True
    root: str = field(default="", repr=False)
    path: str = field(default="", repr=False)
    lost: str = ""

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """File name, whose suffix selects the reader."""
        return name_of(self.url)

    @property
    def state(self) -> list[object]:
        """Values that identify the file and its version."""
        return [self.url, self.size, list(self.version or ())]

    @property
    def folder(self) -> Path:
        """Folder of the copy and of notes about the file."""
        return self.cache / sha256_of_facts({"file": self.state})[:32]

    def cached(self, name: str, compute: Callable[[], R], kind: type[R]) -> R:
        """Return the saved result of ``compute``, computing and saving it at first use or when it is damaged."""
        note = self.folder / f".{name}.txt"
        with suppress(OSError, ValueError):
            return parse_record(read_document(note), kind)
        result = compute()
        with suppress(OSError):
            write_atomically(note, TypeAdapter(kind).dump_json(result).decode())
        return result


DataFile: TypeAlias = Path | RemoteFile


def state_of(file: DataFile) -> list[object]:
    """Return values that identify a file and its version; raises `DataError` when there is no such file."""
    if isinstance(file, RemoteFile):
        return file.state
    try:
        state = file.stat()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{file} cannot be read: {reason}; check the path") from error
    if file.is_dir():
        return [str(file.resolve()), *_contents(file)]
    return [str(file.resolve()), state.st_size, state.st_mtime_ns]


def _contents(folder: Path) -> list[object]:
    """Return name, size and time of each file in a folder."""
    states = [(path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [[str(path.relative_to(folder)), state.st_size, state.st_mtime_ns] for path, state in states]


def size_of(file: DataFile) -> int:
    """Return the size in bytes, 0 when unknown."""
    if isinstance(file, RemoteFile):
        return file.size or 0
    files = file.rglob("*") if file.is_dir() else [file]
    return sum(path.stat().st_size for path in files)


@contextmanager
def local_copy(file: DataFile, finished: bool = True) -> Iterator[Path]:
    """Yield a local path of ``file``; a remote file is fetched unless its copy exists.

    Error messages name the URL instead of the local path. On normal exit a copy that is not kept is removed,
    unless ``finished`` is False. Raises `FetchError` when the file cannot be fetched.
    """
    if isinstance(file, Path):
        yield file
        return
    with ExitStack() as locks:
        path = file.folder / file.name
        if not _is_whole(path, file):
            path = path if file.keep else file.folder / TEMPORARY / file.name
            locks.enter_context(_locked(file))
            if not _is_whole(path, file):
                _fetch(file, path)
            if file.keep:
                locks.close()
        try:
            yield path
        except UserError as error:
            raise type(error)(str(error).replace(str(path), str(file))) from error
        if finished and path.parent.name == TEMPORARY:
            path.unlink(missing_ok=True)


def fetch(file: DataFile) -> None:
    """Fetch a remote file, unless its copy exists."""
    with local_copy(file, finished=False):
        pass


def remove_temporary_copy(file: DataFile) -> None:
    """Remove a temporary copy that a killed process left, unless another process reads it."""
    if isinstance(file, RemoteFile) and not file.keep and (file.folder / TEMPORARY / file.name).exists():
        with suppress(OSError, Timeout), FileLock(file.folder / LOCK, blocking=False):
            (file.folder / TEMPORARY / file.name).unlink(missing_ok=True)


def _is_whole(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and file.size in (None, path.stat().st_size)


@contextmanager
def _locked(file: RemoteFile) -> Iterator[None]:
    """Hold the lock of the file's folder: one process at a time fetches, or reads a temporary copy."""
    with _cache_errors(file):
        file.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file.folder / LOCK)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _cache_errors(file: RemoteFile) -> Iterator[None]:
    """Convert `OSError` of the cache to `FetchError`."""
    try:
        yield
    except OSError as error:
        raise FetchError(f"{file} cannot be stored in {file.cache}: {error.strerror or error}") from error


def _fetch(file: RemoteFile, path: Path) -> None:
    """Fetch the file to ``path`` in blocks; the caller holds the lock."""
    if file.lost:
        raise UnreachableError(f"{file.lost}; and there is no local copy of {file}")
    with _cache_errors(file):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_temporaries(path.parent)
        with replacing(path) as temporary:
            temporary.touch()
            progress = _FetchProgress(str(file))
            _download(file, temporary, progress)
    progress.done(path.stat().st_size)


def _download(file: RemoteFile, temporary: Path, progress: _FetchProgress) -> None:
    """Download the file, and verify its size and version."""
    from fsspec.callbacks import Callback

    fs, _ = open_filesystem(file.root)
    with fetch_errors(file.root, fetching=True):
        fs.get_file(file.path, str(temporary), callback=Callback(hooks={"progress": progress}))
        fs.invalidate_cache()
        info = fs.info(file.path)
    fetched = temporary.stat().st_size
    if file.version is not None and version_of(info, file.version[0]) not in (None, file.version):
        raise FetchError(f"{file} changed since this command began; repeat the command when the file is complete")
    if file.size not in (None, fetched):
        raise UnreachableError(
            f"the connection broke while {file} was fetched: {fetched:,} of {file.size:,} bytes arrived; the "
            "partial copy is discarded: repeat the command"
        )


class _FetchProgress:
    """Logs the progress of a download every 10 s, and its size and duration at the end."""

    def __init__(self, name: str) -> None:
        self._name, self._began = name, time.monotonic()
        self._next = self._began + SECONDS_BETWEEN_NOTES
        logger.info("fetching %s", name)

    def __call__(self, size: int | None, value: int, **_: object) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SECONDS_BETWEEN_NOTES
        of = f" of {size / 1e6:,.0f}" if size else ""
        logger.info("fetching %s: %s%s MB", self._name, f"{value / 1e6:,.0f}", of)

    def done(self, size: int) -> None:
        seconds = time.monotonic() - self._began
        logger.info("fetched %s: %s MB in %.1f s", self._name, f"{size / 1e6:,.1f}", seconds)
