"""URLs as users type them: which texts are one, and what of them may be written down.

What lets somebody in, a password or a signed query, stays in memory: settings, run folders, messages and the names
of caches have the URL without it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

_URL = re.compile(r"[a-z][a-z0-9+.:-]*://[^\s,'\"<>]*", re.IGNORECASE)
_SECRET_WORDS = ("token", "secret", "passw", "signature", "credential", "apikey", "api_key", "api-key", "access")
_SECRET_NAMES = frozenset(
    ("auth", "authorization", "code", "expires", "jwt", "key", "key-pair-id", "pass", "policy", "pwd", "session")
)
_SIGNED = ("x-amz-", "x-goog-", "x-ms-", "x-oss-")
_AZURE = frozenset(
    ("se", "sig", "sip", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr", "sr", "srt", "ss", "st", "sv")
)
"""Parts of Azure's signed queries, which are nothing of the kind where there is no ``sig``."""


def is_url(text: str) -> bool:
    """Whether a text begins as a URL does: a scheme, or several in a chain, and two slashes."""
    return _URL.match(text) is not None


def local_path(text: str) -> str:
    """Return the path that a ``file://`` URL names; any other text as it is."""
    if not text.lower().startswith("file://"):
        return text
    return unquote(text[len("file://") :].removeprefix("localhost"))


def scheme_of(url: str) -> str:
    """Return what stands before ``://``, in lower case."""
    return url.partition("://")[0].lower()


def name_of(url: str) -> str:
    """Return the last part of a URL's path as it stands there; empty when it ends in a slash."""
    path = url.partition("://")[2]
    if scheme_of(url) in ("http", "https"):
        path = re.split(r"[?#]", path)[0]
    return path.rpartition("/")[2]


def without_secrets(text: str) -> str:
    """Return a text with each URL in it cut down to what may be seen.

    Left out are ``user:password@`` (for http any user), the values of a query that let somebody in, with their
    names, and http's fragments.
    """
    return _URL.sub(lambda found: _cut_down(found.group()), text)


def _cut_down(url: str) -> str:
    scheme, _, rest = url.partition("://")
    web = scheme.lower() in ("http", "https")
    host, slash, path = re.match(r"([^/?#]*)([/?#]?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    user, at, server = host.rpartition("@")
    if at and (web or ":" in user):
        host = server
    path = slash + path
    if web:
        path = path.partition("#")[0]
    path, question, query = path.partition("?")
    kept = _without_secret_values(query) if question else ""
    return f"{scheme}://{host}{path}" + (f"?{kept}" if question and (kept or not query) else "")


def _without_secret_values(query: str) -> str:
    parts = query.split("&")
    names = {part.partition("=")[0].lower() for part in parts if "=" in part}
    azure = _AZURE if "sig" in names else frozenset()
    return "&".join(part for part in parts if "=" not in part or not _is_secret(part.partition("=")[0], azure))


def _is_secret(name: str, others: frozenset[str]) -> bool:
    name = name.lower()
    known = name in _SECRET_NAMES or name in others or name.startswith(_SIGNED)
    return known or any(word in name for word in _SECRET_WORDS)
