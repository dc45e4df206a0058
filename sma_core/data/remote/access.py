"""Open fsspec file systems, and convert their errors to one-sentence messages."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sma_core.errors import DISK_ERRORS, DataError, SmaError
from sma_core.urls import WEB, lacks_query, scheme_of, without_secrets

EXTRA = "pip install 'sma-core[remote]'"
SECONDS_TO_CONNECT, SECONDS_OF_SILENCE = 30, 120

_VERSION_KEYS = (
    *("etag", "contentmd5", "md5hash", "md5", "digest", "checksum", "crc32c", "generation", "blobid"),
    *("lastmodified", "mtime", "updated", "modified", "modify", "modificationtime", "lastwritetime", "created"),
)
"""Keys of file information that change with the file, most reliable first; lower case without dashes."""
_REFUSED = re.compile("credential|forbidden|denied|unauthori|permission", re.IGNORECASE)
_CUT_OFF = re.compile("connect|timeout|payload|endpoint", re.IGNORECASE)


class FetchError(DataError):
    """A remote file cannot be fetched; prepared data is unchanged."""


class UnreachableError(FetchError):
    """No network, or the server refuses; the last known listing may be used instead."""


def open_filesystem(url: str) -> tuple[Any, str]:
    """Return the fsspec file system of a URL, and the path in it.

    Raises `FetchError` when the protocol is unknown or its package is not installed.
    """
    name = without_secrets(url)
    if lacks_query(url):
        raise UnreachableError(
            f"{name} was read with a query, which is not recorded: pass the whole URL again with `data`"
        )
    if "::" in url.partition("://")[0] or re.search(r"::[a-z0-9+]+:/", url):
        raise FetchError(f"{name} is a chain of URLs, which is not supported: give the URL of the file itself")
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise FetchError(f"reading {name} needs fsspec: {EXTRA}") from error
    try:
        with fetch_errors(url):
            fs, path = url_to_fs(url, **(_web_options(url) if scheme_of(url) in WEB else {}))
            fs.invalidate_cache()
    except ImportError as error:
        raise FetchError(f"{name} cannot be read: {_first_line(error)}") from error
    return fs, str(path)


def _web_options(url: str) -> dict[str, Any]:
    """Return options for http: no decompression, no total timeout, proxies from the environment."""
    try:
        from aiohttp import ClientTimeout
    except ImportError as error:
        raise FetchError(f"reading {without_secrets(url)} needs aiohttp: {EXTRA}") from error
    from fsspec.config import conf

    configured = conf.get(scheme_of(url), {})
    timeout = ClientTimeout(total=None, sock_connect=SECONDS_TO_CONNECT, sock_read=SECONDS_OF_SILENCE)
    client = {"timeout": timeout, "auto_decompress": False, "trust_env": True}
    return {
        "headers": configured.get("headers", {}) | {"Accept-Encoding": "identity"},
        "client_kwargs": client | configured.get("client_kwargs", {}),
    }


def version_of(info: Mapping[str, Any], name: str | None = None) -> tuple[str, str] | None:
    """Return key and value of the file's tag, checksum or time, None when the server sends none.

    ``name`` restricts the search to one key.
    """
    values = {re.sub(r"[^a-z0-9]", "", key.lower()): value for key, value in info.items()}
    for key in _VERSION_KEYS if name is None else (name,):
        value = values.get(key)
        if value:
            return key, str(value.timestamp() if isinstance(value, datetime) else value)
    return None


@contextmanager
def fetch_errors(url: str, fetching: bool = False) -> Iterator[None]:
    """Convert errors of file systems to `FetchError` with a one-sentence message.

    Errors of the local disk and `ImportError` pass unchanged.
    """
    try:
        yield
    except (SmaError, ImportError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        shown = None if without_secrets(url) != url else error  # a traceback would show the whole URL
        raise _fetch_error(error, url, fetching) from shown


def _fetch_error(error: Exception, url: str, fetching: bool) -> FetchError:
    name, chain = without_secrets(url), list(_causes(error))
    reason = _first_line(chain[-1])
    kinds = " ".join(type(cause).__name__ for cause in chain)
    status = _status(chain)
    if status in (401, 403, 407) or _REFUSED.search(kinds):
        return UnreachableError(
            f"{name} may not be read: {reason}; check the credentials and permissions; "
            "a password or query is not recorded: pass the whole URL again with `data`"
        )
    if status in (404, 410):
        return _missing(name)
    if "TooManyRedirects" in kinds:
        return FetchError(f"{name} cannot be read: the server redirects without end; check the URL")
    if _CUT_OFF.search(kinds) or any(isinstance(cause, ConnectionError | socket.gaierror) for cause in chain):
        if fetching:
            return UnreachableError(
                f"the connection broke while {name} was fetched ({reason}); the partial copy is discarded: "
                "repeat the command"
            )
        return UnreachableError(f"{name} cannot be reached: {reason}; check the network and the URL")
    if status is not None:
        return UnreachableError(f"{name} cannot be read: the server answered {reason}; try again later")
    if any(isinstance(cause, FileNotFoundError) for cause in chain):
        return _missing(name)
    if "protocol not known" in str(error).lower():
        return FetchError(
            f"{name}: fsspec does not support the protocol {scheme_of(url)!r}; use another one, such as s3"
        )
    return FetchError(f"{name} cannot be read: {type(error).__name__}: {_first_line(error)}")


def _missing(name: str) -> FetchError:
    return FetchError(f"there is no file {name}; check the URL")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its chain of causes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _status(chain: list[BaseException]) -> int | None:
    """Return the HTTP status of an error chain, or None."""
    for error in chain:
        for name in ("status", "code"):
            status = getattr(error, name, None)
            if isinstance(status, int) and status >= 400:
                return status
    return None


def _first_line(error: BaseException) -> str:
    """Return the first line of an error message, without secrets."""
    line = (str(error).strip().splitlines() or [""])[0]
    return without_secrets(line) or type(error).__name__
