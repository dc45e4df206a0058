"""`new_plugin`: create the project of a working plugin for its author to adapt.

The files are rendered from `sma_kit.templates`, plus the general recipes. No network or other tool is needed.
"""

from __future__ import annotations

import keyword
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template

from sma_core.errors import UserError
from sma_core.files import publish_folder, temporary_name
from sma_core.paths import as_path
from sma_core.plugins.api_version import API_VERSION
from sma_core.plugins.discovery import ANY, NO_DOMAIN_ANY, PluginPolicy, installed_plugins
from sma_core.plugins.specs import SPEC_NAME, InputKind
from sma_kit.checks.shipped_files import RECIPES

SUFFIX = ".template"


@dataclass(frozen=True)
class NewPlugin:
    """A created project: its domain, package, folder, and files relative to the folder."""

    domain: str
    kind: InputKind
    package: str
    path: Path
    files: tuple[str, ...]


def new_plugin(name: str, kind: InputKind, out: Path | None = None) -> NewPlugin:
    """Create the project of a plugin for a new domain ``name``.

    Args:
        name: Name of the domain: lower-case letters, digits and single hyphens.
        kind: ``discrete`` for rows of text, ``continuous`` for rows of numbers.
        out: The project's folder, written completely or not at all; None: ``sma-NAME`` in the current folder.

    Raises:
        UserError: The name is invalid or taken, or the folder is not empty or cannot be written.
    """
    _check_name(name)
    path = as_path(out) or Path(f"sma-{name}")
    _check_free(path)
    texts = dict(_rendered(name, kind))
    building = temporary_name(path.absolute())
    try:
        for file, text in texts.items():
            target = building / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8", newline="\n")
        if path.is_dir():
            path.rmdir()
        if not publish_folder(building, path.absolute()):
            raise UserError(f"{path} was just created by another process: choose another folder with `out`")
    except OSError as error:
        raise UserError(f"cannot write the project {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return NewPlugin(name, kind, f"sma-{name}", path, tuple(sorted(texts)))


def _check_name(name: str) -> None:
    """Raise `UserError` when the name is invalid or taken."""
    if not SPEC_NAME.fullmatch(name):
        raise UserError(f"{name!r} is no valid domain name: use lower-case letters, digits and single hyphens")
    if name == ANY:
        raise UserError(f"{NO_DOMAIN_ANY}: choose another name")
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise UserError(f"{name!r} is a Python keyword: choose another name")
    if name.startswith("sma-"):
        raise UserError(
            f"pass the domain, not the package: {name.removeprefix('sma-')!r} creates the package {name}"
        )
    for plugin in installed_plugins(PluginPolicy()):
        if plugin.domain == name:
            raise UserError(f"the domain {name!r} is already installed by {plugin.package}: choose another name")
    if _is_installed(f"sma-{name}"):
        raise UserError(f"a package sma-{name} is already installed: choose another name")


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def _check_free(path: Path) -> None:
    """Raise `UserError` when the folder is in use."""
    if path.absolute() == Path.cwd():
        raise UserError("the current folder cannot be the project: omit `out`, or pass a folder inside it")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} already exists and is not an empty folder: choose another one with `out`")


def _rendered(name: str, kind: InputKind) -> Iterator[tuple[str, str]]:
    """Yield path and text of every file of the project."""
    module = f"sma_{name.replace('-', '_')}"
    fields = {"name": name, "module": module, "core": _core_versions(), "api": API_VERSION}
    templates = resources.files("sma_kit.templates")
    for folder in (templates / "both", templates / kind):
        for path, file in _files(folder):
            parts = [part.replace("dot-", ".") for part in path.with_name(path.name.removesuffix(SUFFIX)).parts]
            target = "/".join(module if part == "package" else part for part in parts)
            yield target, Template(file.read_text(encoding="utf-8")).substitute(fields)
    for recipe in RECIPES:
        file = resources.files(f"sma_core.recipes.{kind}") / f"{recipe}.toml"
        yield f"src/{module}/recipes/{recipe}.toml", file.read_text(encoding="utf-8")


def _files(folder: Traversable, below: str = "") -> Iterator[tuple[PurePosixPath, Traversable]]:
    """Yield the path and file of every template below a folder."""
    for item in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if item.is_dir():
            yield from _files(item, f"{below}{item.name}/")
        elif item.name.endswith(SUFFIX):
            yield PurePosixPath(below, item.name), item


def _core_versions() -> str:
    """Return the versions of sma-core that a new plugin requires: the installed minor version."""
    major, minor = (int(part) for part in metadata.version("sma-core").split(".")[:2])
    return f">={major}.{minor},<{major}.{minor + 1}"
