"""A file to read, on this machine or behind a URL, and how readers get a local path in either case.

A remote file is fetched to ``remote/<fingerprint>/<name>`` in the cache, once: the fingerprint covers the URL and
what the server says of the file's state, so a file that changes there is another one here. It appears by rename
when it is whole, under a lock, and is read from there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from filelock import FileLock, Timeout

from sma_core.data.remote.access import FetchError, UnreachableError, fetch_errors, open_filesystem, version_of
from sma_core.errors import DataError, UserError
from sma_core.files import remove_temporaries, replacing, sha256_of_facts, write_atomically
from sma_core.urls import name_of

logger = logging.getLogger("sma.remote")
SECONDS_BETWEEN_NOTES = 10.0
LOCK, PASSING = ".lock", ".passing"


@dataclass(frozen=True)
class RemoteFile:
    """A file behind a URL, as it was when it was looked for.

    ``url`` is without secrets and what everybody is shown; ``root`` is the URL as the user typed it, and ``path``
    the file's in its file system. ``sign`` is what changes with the file, ``size`` in bytes, where they are known.
    Copies go to ``cache``; with ``keep`` they stay, else they go when their rows are prepared or read. ``lost``
    says why nothing can be fetched, where the file is known from earlier only.
    """

    url: str
    size: int | None
    sign: tuple[str, str] | None
    cache: Path
    keep: bool = True
    root: str = field(default="", repr=False)
    path: str = field(default="", repr=False)
    lost: str = ""

    def __str__(self) -> str:
        return self.url

    @property
    def name(self) -> str:
        """The file's name, by which readers know its format."""
        return name_of(self.url)

    @property
    def state(self) -> list[object]:
        """What tells this file, as it is, from all others."""
        return [self.url, self.size, list(self.sign or ())]

    @property
    def folder(self) -> Path:
        """Where the copy is kept, and what is remembered of the file."""
        return self.cache / sha256_of_facts({"file": self.state})[:32]

    def remembered(self, name: str, find: Callable[[], str]) -> str:
        """Return what ``find`` found out about this file when it was first asked; nothing is fetched again."""
        note = self.folder / f".{name}.txt"
        with suppress(OSError):
            return note.read_text(encoding="utf-8")
        found = find()
        with suppress(OSError):
            write_atomically(note, found)
        return found


DataFile: TypeAlias = Path | RemoteFile


def state_of(file: DataFile) -> list[object]:
    """Return what tells the file, as it is, from all others; raises `DataError` when there is no such file."""
    if isinstance(file, RemoteFile):
        return file.state
    try:
        state = file.stat()
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise DataError(f"{file} cannot be read: {reason}; check the path") from error
    return [str(file.resolve()), state.st_size, state.st_mtime_ns]


def size_of(file: DataFile) -> int:
    """Return how many bytes there are to read; 0 where nobody tells."""
    return (file.size or 0) if isinstance(file, RemoteFile) else file.stat().st_size


@contextmanager
def local_copy(file: DataFile, finished: bool = True) -> Iterator[Path]:
    """Give a local path to read; a remote file is fetched first, unless its copy is there.

    Errors that name the path name the URL instead. When all went well, a copy that is not to stay is removed,
    unless more is to come (``finished`` false). Raises `FetchError` when the file cannot be had.
    """
    if isinstance(file, Path):
        yield file
        return
    with ExitStack() as held:
        path = file.folder / file.name
        if not _is_whole(path, file):
            path = path if file.keep else file.folder / PASSING / file.name
            held.enter_context(_locked(file))
            if not _is_whole(path, file):
                _fetch(file, path)
            if file.keep:
                held.close()
        try:
            yield path
        except UserError as error:
            raise type(error)(str(error).replace(str(path), str(file))) from error
        if finished and path.parent.name == PASSING:
            path.unlink(missing_ok=True)


def fetch(file: DataFile) -> None:
    """See to it that a remote file is here."""
    with local_copy(file, finished=False):
        pass


def drop(file: DataFile) -> None:
    """Remove a copy that was not to stay and that a killed process left, unless another one reads it."""
    if isinstance(file, RemoteFile) and not file.keep and (file.folder / PASSING / file.name).exists():
        with suppress(OSError, Timeout), FileLock(file.folder / LOCK, blocking=False):
            (file.folder / PASSING / file.name).unlink(missing_ok=True)


def _is_whole(path: Path, file: RemoteFile) -> bool:
    return path.is_file() and file.size in (None, path.stat().st_size)


@contextmanager
def _locked(file: RemoteFile) -> Iterator[None]:
    """Hold the lock of the file's folder: only one process fetches it, or reads a passing copy."""
    with _kept_in(file):
        file.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(file.folder / LOCK)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _kept_in(file: RemoteFile) -> Iterator[None]:
    """Turn what our own disk refuses into one sentence."""
    try:
        yield
    except OSError as error:
        raise FetchError(f"{file} cannot be kept in {file.cache}: {error.strerror or error}") from error


def _fetch(file: RemoteFile, path: Path) -> None:
    """Fetch the file to ``path``; only for who holds the lock. Memory is bounded by a block."""
    if file.lost:
        raise UnreachableError(f"{file.lost}; and there is no copy of {file} here")
    with _kept_in(file):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_temporaries(path.parent)
        with replacing(path) as temporary:
            temporary.touch()
            told = _Told(str(file))
            _stream(file, temporary, told)
    told.done(path.stat().st_size)


def _stream(file: RemoteFile, temporary: Path, told: _Told) -> None:
    """Copy the bytes, and see that they are all there, and those of the file that was found."""
    from fsspec.callbacks import Callback

    fs, _ = open_filesystem(file.root)
    with fetch_errors(file.root, fetching=True):
        fs.get_file(file.path, str(temporary), callback=Callback(hooks={"told": told}))
        fs.invalidate_cache()
        now = fs.info(file.path)
    fetched = temporary.stat().st_size
    if file.sign is not None and version_of(now, file.sign[0]) not in (None, file.sign):
        raise FetchError(f"{file} changed since this command began; give it again when the file is finished")
    if file.size not in (None, fetched):
        raise UnreachableError(
            f"the connection broke while {file} was fetched: {fetched:,} of {file.size:,} bytes came; nothing of "
            "it is used: give the same command again"
        )


class _Told:
    """Says now and then how much of a file has come, and at the end how much it was."""

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
