"""Docstrings of the standard library of the running Python, which is on every machine; nothing of it is imported.

Sets are made on first use and cached, one of each per version of Python, since the texts differ between versions.
Labelled rows are split by module, so that no module is in two parts.
"""

from __future__ import annotations

import ast
import csv
import gzip
import hashlib
import io
import platform
import sysconfig
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from sma_core.errors import DataError, UserError
from sma_core.files import creating, remove_leftovers
from sma_core.sources.data_sets import cache_folder

VERSION = 1
"""Increased when the rows of a set change, to invalidate caches."""
PACKAGES = ("asyncio", "email", "importlib", "multiprocessing", "xml")
"""Classes of the set ``packages``: those of over ten modules with docstrings, in every version of Python."""
LEFT_OUT = {
    "dist-packages",
    "site-packages",
    "distutils",
    "encodings",
    "ensurepip",
    "idle_test",
    "idlelib",
    "lib2to3",
}
LEFT_OUT |= {"test", "tests", "turtledemo"}
"""Folders that are no part of the library, are not in all versions, or say the same over and over."""
TEST, VALID = 0.25, 0.15
"""Shares of labelled rows."""
SHORTEST = 20
"""Characters of the shortest text in the set ``pairs``."""
_HEX_DIGITS = 16


class Docstring(NamedTuple):
    """A docstring without its indentation, and the file of its module, such as ``email/header.py``."""

    module: str
    text: str

    @property
    def package(self) -> str:
        """The first folder of the module."""
        return self.module.partition("/")[0]


def docstrings() -> Path:
    """Return the path of all docstrings: columns ``text`` and ``module``."""
    return _cached("docstrings", ("text", "module"), lambda rows: ((row.text, row.module) for row in rows))


def packages() -> Path:
    """Return the path of the docstrings of five packages: columns ``text``, ``package``, ``module``, ``split``."""
    return _cached("packages", ("text", "package", "module", "split"), _packages)


def pairs() -> Path:
    """Return the path of pairs: columns ``summary``, ``body``, ``same``, ``module`` and ``split``.

    A pair is the first paragraph of a docstring and a second paragraph: its own (``same`` is 1), or that of
    another docstring of the module (0). Each paragraph is in one pair.
    """
    return _cached("pairs", ("summary", "body", "same", "module", "split"), _pairs)


def read_docstrings(folder: Path) -> list[Docstring]:
    """Return the different docstrings of all modules below ``folder``; raises `UserError` when there is none."""
    docstrings: dict[str, Docstring] = {}
    for path in sorted(folder.rglob("*.py")):
        module = path.relative_to(folder)
        if LEFT_OUT.isdisjoint(module.parts):
            for text in _texts(path):
                docstrings.setdefault(text, Docstring(module.as_posix(), text))
    if not docstrings:
        raise UserError(
            f"the standard library of this Python has no source files in {folder}: name text of your own with "
            "`data=FILE`"
        )
    return list(docstrings.values())


def _texts(path: Path) -> Iterator[str]:
    """Yield the docstrings of a module; none of a file that is not valid Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of invalid escapes in the library's own strings
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and text.strip() and "\0" not in text:
                yield text


def _packages(rows: list[Docstring]) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the five packages, of whose modules some are for the test and some for validation."""
    modules: dict[str, Counter[str]] = {package: Counter() for package in PACKAGES}
    for row in rows:
        if row.package in modules:
            modules[row.package][row.module] += 1
    parts: dict[str, str] = {}
    for counts in modules.values():
        before = 0
        for module in sorted(counts, key=_hash):
            share = before / counts.total()
            parts[module] = "test" if share < TEST else "valid" if share < TEST + VALID else "train"
            before += counts[module]
    for row in rows:
        if row.module in parts:
            yield row.text, row.package, row.module, parts[row.module]


def _pairs(rows: list[Docstring]) -> Iterator[tuple[str, ...]]:
    """Yield about as many pairs that belong together as pairs that do not, module by module."""
    modules: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for row in rows:
        summary, _, rest = row.text.partition("\n\n")
        body = rest.strip().partition("\n\n")[0]
        if min(len(summary), len(body)) >= SHORTEST:
            modules[row.module].append((" ".join(summary.split()), " ".join(body.split())))
    for module, every in modules.items():
        known = _different(every)
        share = _hash(module) % 100 / 100
        part = "test" if share < TEST else "valid" if share < TEST + VALID else "train"
        parted = [pair for pair in known if _hash(pair[0]) % 2] if len(known) > 2 else []
        parted = parted if len(parted) > 1 else []
        bodies = [body for _, body in parted]
        others = dict(zip(parted, bodies[1:] + bodies[:1], strict=True))
        for pair in known:
            other = others.get(pair, pair[1])
            yield pair[0], other, str(int(other == pair[1])), module, part


def _different(known: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return the pairs without those that repeat one of their texts, which would belong to another one too."""
    seen: set[str] = set()
    different = []
    for pair in known:
        if seen.isdisjoint(pair):
            different.append(pair)
            seen.update(pair)
    return different


def _hash(text: str) -> int:
    """Return a number that depends only on the text."""
    return int(hashlib.sha256(text.encode()).hexdigest()[:_HEX_DIGITS], 16)


def _cached(
    name: str, header: tuple[str, ...], rows_of: Callable[[list[Docstring]], Iterable[tuple[str, ...]]]
) -> Path:
    """Return the file of a set, which is made if it is not in the cache."""
    path = cache_folder() / "data" / "text" / f"{name}-python-{platform.python_version()}-{VERSION}.csv.gz"
    if path.is_file():
        return path
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows_of(read_docstrings(Path(sysconfig.get_path("stdlib")))))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        with creating(path) as temporary:
            temporary.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))
    except OSError as error:
        raise DataError(f"the set text:{name} cannot be written to {path}: {error.strerror or error}") from error
    return path
