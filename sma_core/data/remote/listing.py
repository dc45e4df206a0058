"""What a URL names: one file, the files of a folder, or those that fit a pattern.

What was found is remembered in the cache, so that a command whose rows are prepared goes on without network.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sma_core.data.remote.access import (
    WEB,
    FetchError,
    UnreachableError,
    fetch_errors,
    open_filesystem,
    version_of,
)
from sma_core.data.remote.files import RemoteFile
from sma_core.files import sha256_of_facts, write_atomically
from sma_core.urls import is_url, name_of, scheme_of, without_secrets

logger = logging.getLogger("sma.remote")


@dataclass(frozen=True)
class RemoteLookup:
    """Where copies go (``cache``), whether they stay, and which files of a folder count.

    ``serves`` is asked of their names; ``purpose`` tells what it depends on.
    """

    cache: Path
    keep: bool
    serves: Callable[[str], bool]
    purpose: str

    def files(self, url: str) -> list[RemoteFile]:
        """Return the files that a URL names, in the order of their names.

        Where the server cannot be reached, or refuses, they are what the URL named the last time, with a warning.
        Raises `FetchError` when there is none, `UnreachableError` when none was ever seen.
        """
        note = self.cache / "seen" / f"{sha256_of_facts({'of': [without_secrets(url), self.purpose]})[:32]}.json"
        try:
            found = [self._file(url, *each) for each in sorted(self._listed(url), key=lambda each: each[0])]
        except UnreachableError as error:
            seen = self._last_seen(note, str(error))
            if not seen:
                raise
            logger.warning("%s. It is taken to be what it was when it was last seen", error)
            return seen
        silent = next((file for file in found if file.sign is None), None)
        if silent is not None:
            logger.warning(
                "of %s the server tells no tag and no time: a change of the same size is not seen", silent
            )
        _remember(note, found)
        return found

    def _listed(self, url: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
        """Yield public name, path and facts of each file."""
        fs, path = open_filesystem(url)
        with fetch_errors(url):
            infos, kind = _infos(fs, url, path)
            infos = [info for info in infos if info["type"] != "directory"]
            if kind == "folder":
                infos = [info for info in infos if self._counts(str(info["name"]), path)]
            if kind == "pattern" and not name_of(url).startswith("."):  # as patterns of local files
                infos = [info for info in infos if not str(info["name"]).rpartition("/")[2].startswith(".")]
            for info in infos:
                told = info if info.get("size") is not None and version_of(info) else fs.info(info["name"])
                inner = str(info["name"])
                yield _public(fs, url, path, inner), inner, told
        if not infos:
            raise FetchError(_nothing(without_secrets(url), kind))

    def _counts(self, inner: str, folder: str) -> bool:
        """Whether a file of a folder belongs to the set: no hidden one, none of another kind."""
        name = name_of(inner if is_url(inner) else f"x://{inner}")
        return inner.rstrip("/") != folder.rstrip("/") and not name.startswith(".") and self.serves(name)

    def _file(self, url: str, name: str, path: str, info: Mapping[str, Any]) -> RemoteFile:
        size = info.get("size")
        return RemoteFile(
            name, None if size is None else int(size), version_of(info), self.cache, self.keep, root=url, path=path
        )

    def _last_seen(self, note: Path, reason: str) -> list[RemoteFile]:
        try:
            seen = json.loads(note.read_text(encoding="utf-8"))
            return [
                RemoteFile(
                    each["url"],
                    each["size"],
                    tuple(each["sign"]) if each["sign"] else None,
                    self.cache,
                    self.keep,
                    lost=reason,
                )
                for each in seen["files"]
            ]
        except (OSError, ValueError, KeyError, TypeError):
            return []


def _infos(fs: Any, url: str, path: str) -> tuple[list[Mapping[str, Any]], str]:  # noqa: ANN401 - fsspec's
    """Return what the file system says of each file, and whether the URL names a file, a folder or a pattern."""
    web = scheme_of(url) in WEB
    if set("*[") & set(urlsplit(url).path) if web else set("*?[") & set(path):
        return list(fs.glob(path, detail=True).values()), "pattern"
    if web and not name_of(url):  # no server of the web says what is a folder
        return fs.ls(path, detail=True), "folder"
    info = fs.info(path)
    if info["type"] == "directory":
        return fs.ls(path, detail=True), "folder"
    return [info], "file"


def _public(fs: Any, url: str, path: str, inner: str) -> str:  # noqa: ANN401 - fsspec's
    """Name a file that a URL led to: what stands before the path in the URL, then its own path."""
    typed = url.rstrip("/")
    path = path.rstrip("/")
    name = typed.removesuffix(path) + inner if typed.endswith(path) else str(fs.unstrip_protocol(inner))
    return without_secrets(name)


def _nothing(name: str, kind: str) -> str:
    if kind == "folder":
        return f"the folder {name} holds no file that a reader serves"
    return f"no file fits {name}: check the pattern, and quote it, so that the shell leaves it alone"


def _remember(note: Path, found: list[RemoteFile]) -> None:
    """Write down what was found; a cache that may not be written is no obstacle."""
    files = [{"url": file.url, "size": file.size, "sign": file.sign} for file in found]
    text = json.dumps({"files": files}, indent=1)
    with suppress(OSError):
        if note.is_file() and note.read_text(encoding="utf-8") == text:
            return
        note.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(note, text)
