"""Parse URLs, and remove secrets from them.

Passwords and queries stay in memory only: settings, run folders, messages and cache names have URLs without them.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import unquote, urlsplit

_SCHEME = r"[a-z][a-z0-9+.:-]{0,60}://"
_URL = rf"{_SCHEME}(?:(?:(?!,{_SCHEME})[^/?#])*@)?(?:(?!{_SCHEME})[^,?#])*(?:[?#](?:(?!,\s*{_SCHEME}).)*)?"
"""A URL in a text. It ends at a comma, except in the user's part; a query ends at a comma before another URL."""
_URLS = re.compile(_URL, re.IGNORECASE | re.DOTALL)
_LIST = re.compile(rf"(?:{_URL}|[^,])+", re.IGNORECASE | re.DOTALL)
_QUERY = re.compile(r"\?(?=[\w.~%-]+=)")
"""Begins a query of protocols other than http, where a question mark may be a pattern or part of a name."""
WEB = ("http", "https")
MARK = "query-sha256="
"""Stands in place of a query, with a hash of its parameters that are not known as secrets."""
_SECRET_WORDS = ("token", "secret", "passw", "signature", "credential", "apikey", "api_key", "api-key", "access")
_SECRET_NAMES = frozenset(
    (
        *("auth", "authorization", "code", "expires", "jwt", "key", "key-pair-id", "pass", "policy", "pw", "pwd"),
        *("sas", "session", "sig"),
    )
)
_SIGNED = ("x-amz-", "x-goog-", "x-ms-", "x-oss-")
_AZURE = frozenset(
    ("se", "sig", "sip", "ske", "skoid", "sks", "skt", "sktid", "skv", "sp", "spr", "sr", "srt", "ss", "st", "sv")
)
"""Parameters of Azure's signed queries; secret only together with ``sig``."""


def is_url(text: str) -> bool:
    """Return whether a text begins like a URL: one scheme or a chain of them, then ``://``."""
    return _URLS.match(text) is not None


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
    path = (re.split(r"[?#]", path) if scheme_of(url) in WEB else _QUERY.split(path))[0]
    return path.rpartition("/")[2]


def split_list(text: str) -> list[str]:
    """Split a text at commas that are not inside a URL; empty parts are left out."""
    return [part.strip() for part in _LIST.findall(text) if part.strip()]


def lacks_query(url: str) -> bool:
    """Return whether the query of a URL was removed by `without_secrets`."""
    return f"?{MARK}" in url


def without_secrets(text: str) -> str:
    """Return a text whose URLs have only scheme, host and path, and a hash in place of a query.

    Parameters known as secrets, such as signatures, are not part of the hash: signing a URL again does not
    change it. A user without a password is kept, but not for http.
    """
    return _URLS.sub(lambda match: _public_url(match.group()), text)


def _public_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    web = scheme.lower() in WEB
    host = re.split(r"[/?#]", rest)[0]
    address = "".join(host.split()[:1]).rstrip(":.;'\")")
    if "@" not in host and "@" in rest and not re.fullmatch(r"(\[.*\]|[^:]*)(:\d*)?", address):
        rest = rest.rpartition("@")[2]  # a password with an unescaped slash, question mark or number sign
        host = re.split(r"[/?#]", rest)[0]
    user, at, server = host.rpartition("@")
    if at and (web or ":" in user):
        rest = server + rest[len(host) :]
    if web:
        try:
            query = urlsplit(f"//{rest}").query
        except ValueError:  # no valid host
            query = rest.partition("?")[2]
        path = re.split(r"[?#]", rest)[0]
    else:
        path, query = (*_QUERY.split(rest, maxsplit=1), "")[:2]
    if query.startswith(MARK):
        return f"{scheme}://{rest if not web else path + '?' + query}"
    kept = _without_secret_values(query)
    return f"{scheme}://{path}" + (f"?{MARK}{hashlib.sha256(kept.encode()).hexdigest()[:16]}" if kept else "")


def _without_secret_values(query: str) -> str:
    parts = query.split("&")
    names = {part.partition("=")[0].lower() for part in parts if "=" in part}
    azure = _AZURE if "sig" in names else frozenset()
    return "&".join(part for part in parts if not _is_secret(part.partition("=")[0], azure))


def _is_secret(name: str, others: frozenset[str]) -> bool:
    name = name.lower()
    known = name in _SECRET_NAMES or name in others or name.startswith(_SIGNED)
    return known or any(word in name for word in _SECRET_WORDS)
