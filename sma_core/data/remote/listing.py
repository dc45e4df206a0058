"""List the files of a URL: one file, a folder, or a pattern.

The listing is saved in the cache, so that commands on prepared rows work without network.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, NonNegativeInt

from sma_core.data.remote.access import (
    FetchError,
    UnreachableError,
    fetch_errors,
    open_filesystem,
    version_of,
)
from sma_core.data.remote.files import RemoteFile
from sma_core.documents import parse_record, read_document
from sma_core.files import sha256_of_facts, write_atomically
from sma_core.urls import WEB, is_url, name_of, scheme_of, without_secrets

logger = logging.getLogger("sma.remote")


class _ListedFile(BaseModel):
    """A file as its server listed it: URL, bytes, and key and value of its version."""

    url: str
    size: NonNegativeInt | None
    sign: tuple[str, str] | None


class _Listing(BaseModel):
    """The last listing of a URL, as saved in the cache."""

    version: Literal[1] = 1
    files: list[_ListedFile]


@dataclass(frozen=True)
class RemoteLookup:
    """Options for listing URLs: ``cache`` and ``keep`` of copies, and the filter for files of a folder.

    ``serves`` decides by file name; ``purpose`` is a key that identifies this filter in the cache.
    """

    cache: Path
    keep: bool
    serves: Callable[[str], bool]
    purpose: str

    def files(self, url: str) -> list[RemoteFile]:
        """Return the files of a URL, sorted by name.

        When the server cannot be reached or refuses, log a warning and return the last listing. Raises
        `FetchError` when there are no files, `UnreachableError` when there is no earlier listing.
        """
        note = self.cache / "seen" / f"{sha256_of_facts({'of': [without_secrets(url), self.purpose]})[:32]}.json"
        try:
            entries = sorted(self._entries(url), key=lambda entry: entry[0])
            files = [self._file(url, *entry) for entry in entries]
        except UnreachableError as error:
            files = self._last_listing(note, str(error))
            if not files:
                raise
            logger.warning("%s. Using its last known listing", error)
            return files
        unversioned = next((file for file in files if file.version is None), None)
        if unversioned is not None:
            logger.warning(
                "the server sends no tag and no time for %s: a change of the same size is not detected",
                unversioned,
            )
        _save_listing(note, files)
        return files

    def _entries(self, url: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield public URL, path and information of each file."""
        fs, path = open_filesystem(url)
        with fetch_errors(url):
            infos, kind = _infos(fs, url, path)
            infos = [info for info in infos if info["type"] != "directory"]
            if kind == "folder":
                infos = [info for info in infos if self._is_included(str(info["name"]), path)]
            if kind == "pattern" and not name_of(url).startswith("."):  # as for local patterns
                infos = [info for info in infos if not str(info["name"]).rpartition("/")[2].startswith(".")]
            for info in infos:
                name = str(info["name"])
                complete = info.get("size") is not None and version_of(info)
                yield _public_url(fs, url, path, name), name, info if complete else fs.info(info["name"])
        if not infos:
            raise FetchError(_no_files(without_secrets(url), kind))

    def _is_included(self, path: str, folder: str) -> bool:
        """Return whether a file of a folder is visible and has a reader."""
        name = name_of(path if is_url(path) else f"x://{path}")
        return path.rstrip("/") != folder.rstrip("/") and not name.startswith(".") and self.serves(name)

    def _file(self, url: str, name: str, path: str, info: Mapping[str, Any]) -> RemoteFile:
        size = info.get("size")
        return RemoteFile(
            name, None if size is None else int(size), version_of(info), self.cache, self.keep, root=url, path=path
        )

    def _last_listing(self, note: Path, reason: str) -> list[RemoteFile]:
        try:
            listing = parse_record(read_document(note), _Listing)
        except (OSError, ValueError):  # as if there were none
            return []
        return [
            RemoteFile(file.url, file.size, file.sign, self.cache, self.keep, lost=reason)
            for file in listing.files
        ]


def _infos(fs: Any, url: str, path: str) -> tuple[list[Mapping[str, Any]], str]:  # noqa: ANN401 - fsspec's
    """Return information on each file, and the kind of URL: ``file``, ``folder`` or ``pattern``."""
    web = scheme_of(url) in WEB
    if set("*[") & set(urlsplit(url).path) if web else set("*?[") & set(path):
        return list(fs.glob(path, detail=True).values()), "pattern"
    if web and not name_of(url):  # http has no folders
        return fs.ls(path, detail=True), "folder"
    info = fs.info(path)
    if info["type"] == "directory":
        return fs.ls(path, detail=True), "folder"
    return [info], "file"


def _public_url(fs: Any, url: str, path: str, inner: str) -> str:  # noqa: ANN401 - fsspec's
    """Return the URL without secrets of the file ``inner``, which was listed for ``url``."""
    typed = url.rstrip("/")
    path = path.rstrip("/")
    name = typed.removesuffix(path) + inner if typed.endswith(path) else str(fs.unstrip_protocol(inner))
    return without_secrets(name)


def _no_files(name: str, kind: str) -> str:
    if kind == "folder":
        return f"the folder {name} has no file that a reader can read"
    return f"no file matches {name}: check the pattern, and quote it, so that the shell does not expand it"


def _save_listing(note: Path, files: list[RemoteFile]) -> None:
    """Save the listing; errors of a read-only cache are ignored."""
    entries = [_ListedFile(url=file.url, size=file.size, sign=file.version) for file in files]
    text = _Listing(files=entries).model_dump_json(indent=1)
    with suppress(OSError):
        if note.is_file() and note.read_text(encoding="utf-8") == text:
            return
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(note, text)
