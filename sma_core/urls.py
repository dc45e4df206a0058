"""Parse URLs, and remove secrets from them.

Passwords and signed queries stay in memory only: settings, run folders, messages and cache names have URLs without
them.
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
"""Parameters of Azure's signed queries; secret only together with ``sig``."""


def is_url(text: str) -> bool:
    """Return whether a text begins like a URL: one scheme or a chain of them, then ``://``."""
    return _URL.match(text) is not None


def local_path(text: str) -> str:
    """Return the path of a ``file://`` URL; any other text unchanged."""
    if not text.lower().startswith("file://"):
        return text
    return unquote(text[len("file://") :].removeprefix("localhost"))


def scheme_of(url: str) -> str:
    """Return the scheme, the part before ``://``, in lower case."""
    return url.partition("://")[0].lower()


def name_of(url: str) -> str:
    """Return the last component of a URL's path, not decoded; empty when it ends in a slash."""
    path = url.partition("://")[2]
    if scheme_of(url) in ("http", "https"):
        path = re.split(r"[?#]", path)[0]
    return path.rpartition("/")[2]


def without_secrets(text: str) -> str:
    """Return a text with the secrets removed from all URLs in it.

    Removed are ``user:password@`` (for http any user), secret query parameters, and http fragments.
    """
    return _URL.sub(lambda match: _public_url(match.group()), text)


def _public_url(url: str) -> str:
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
