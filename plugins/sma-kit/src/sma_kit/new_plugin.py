"""`new_plugin`: create the project of a working plugin for its author to adapt.

The files are rendered from `sma_kit.templates`; a domain also gets the general recipes. No network or other tool
is needed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath
from string import Template
from typing import Literal

from sma_core.errors import UserError
from sma_core.files import publish_folder, temporary_name
from sma_core.paths import as_path
from sma_core.plugins.api_version import API_VERSION
from sma_core.plugins.discovery import ANY, InstalledPlugin
from sma_core.plugins.specs import InputKind
from sma_kit.checks.shipped_files import RECIPES
from sma_kit.plugin_name import PluginName

Kind = Literal["discrete", "continuous", "sequence"]
"""What the rows of a new domain are."""
INPUTS: dict[Kind, InputKind] = {"discrete": "discrete", "continuous": "continuous", "sequence": "continuous"}
SUFFIX = ".template"


@dataclass(frozen=True)
class NewPlugin:
    """A created project: its name, domain, kind, package, folder, and files relative to the folder.

    ``kind`` is None for an extension, and ``domain`` is ``any`` for an extension of every domain.
    """

    name: str
    domain: str
    kind: Kind | None
    package: str
    path: Path
    files: tuple[str, ...]


def new_plugin(name: str, kind: Kind | None = None, out: Path | None = None) -> NewPlugin:
    """Create the project of a plugin: a new domain ``name``, or an extension ``domain.name`` or ``any.name``.

    Args:
        name: Lower-case letters, digits and single hyphens; with a dot, the name of an extension.
        kind: For a domain: ``discrete`` for rows of text, ``continuous`` for rows of numbers, ``sequence`` for
            sequences of vectors. None for an extension.
        out: The project's folder, written completely or not at all; None: the package's name, in the current
            folder.

    Raises:
        UserError: The name is invalid or taken, the kind is missing or surplus, or the folder is not empty or
            cannot be written.
        PluginError: The domain of an extension is not installed or cannot be used.
    """
    plugin = PluginName(name)
    plugin.check()
    _check_kind(plugin, kind)
    provider = plugin.provider()
    path = as_path(out) or Path(plugin.package)
    _check_free(path)
    texts = dict(_rendered(plugin, kind, provider))
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
    return NewPlugin(name, plugin.domain, kind, plugin.package, path, tuple(sorted(texts)))


def _check_kind(plugin: PluginName, kind: Kind | None) -> None:
    """Raise `UserError` when a domain has no kind, or an extension has one."""
    if plugin.extension and kind is not None:
        raise UserError(f"{plugin.name!r} is an extension, which has no kind of its own: omit `kind`")
    if not plugin.extension and kind is None:
        raise UserError(
            f"what are the rows of the domain {plugin.name!r}? Pass `kind=discrete` for text, `kind=continuous` "
            "for numbers or `kind=sequence` for sequences of vectors"
        )


def _check_free(path: Path) -> None:
    """Raise `UserError` when the folder is in use."""
    if path.absolute() == Path.cwd():
        raise UserError("the current folder cannot be the project: omit `out`, or pass a folder inside it")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} already exists and is not an empty folder: choose another one with `out`")


def _rendered(
    plugin: PluginName, kind: Kind | None, provider: InstalledPlugin | None
) -> Iterator[tuple[str, str]]:
    """Yield path and text of every file of the project."""
    fields = _fields(plugin, provider)
    templates = resources.files("sma_kit.templates")
    written = set()
    for name in ("every", "extension") if kind is None else ("every", "domain", kind):
        for path, file in _files(templates / name):
            parts = [part.replace("dot-", ".") for part in path.with_name(path.name.removesuffix(SUFFIX)).parts]
            target = "/".join(plugin.module if part == "package" else part for part in parts)
            written.add(target)
            yield target, Template(file.read_text(encoding="utf-8")).substitute(fields)
    if kind is None:
        return
    for recipe in RECIPES:
        file = resources.files(f"sma_core.recipes.{INPUTS[kind]}") / f"{recipe}.toml"
        if (target := f"src/{plugin.module}/recipes/{recipe}.toml") not in written:
            yield target, file.read_text(encoding="utf-8")


def _fields(plugin: PluginName, provider: InstalledPlugin | None) -> dict[str, str]:
    """Return the fields of the templates; `sma_kit.templates` describes them."""
    requires = [f"sma-core{_core_versions()}"]
    if provider is not None:
        requires.append(f"{provider.package}>={provider.version}")
    if plugin.extension:
        requires.append("torch")
    every = plugin.domain == ANY
    return {
        "name": plugin.name,
        "package": plugin.package,
        "module": plugin.module,
        "requires": ", ".join(f'"{requirement}"' for requirement in requires),
        "entry": f'"{plugin.name}"' if plugin.extension else plugin.name,
        "what": f"The {'extension' if plugin.extension else 'domain'} {plugin.name}",
        "api": API_VERSION,
        "extension": plugin.extension,
        "identifier": plugin.extension.replace("-", "_"),
        "target": "every domain" if every else f"the domain {plugin.domain}",
        "wanted": "DOMAIN" if every else plugin.domain,
    }


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
