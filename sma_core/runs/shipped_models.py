"""Pre-trained models that ship with plugins: runs that are named ``domain:name`` instead of by their folder."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import PluginError, UserError
from sma_core.paths import as_path, is_existing
from sma_core.plugins.discovery import PluginPolicy, installed_plugins
from sma_core.plugins.imports import resolve
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import ShippedModel
from sma_core.runs.run_folder import RunFolder

CARD = "README.md"
"""File of a run folder with the model card."""
_NAME = re.compile(r"[a-z][a-z0-9-]*:[a-z][a-z0-9-]*")


@dataclass(frozen=True)
class ModelEntry:
    """A shipped model: its name as for ``--model``, facts about it, its folder and its size in bytes."""

    name: str
    summary: str
    rows: str
    licence: str
    package: str
    path: Path
    size: int


def is_model_name(model: str | Path) -> bool:
    """Return whether ``model`` is a name such as ``chem:tiny``, and no folder of this name exists."""
    return _NAME.fullmatch(str(model)) is not None and not is_existing(model)


def locate_model(model: str | Path, policy: PluginPolicy | None = None) -> Path:
    """Return the folder of the run ``model``, a path or the name of a shipped model.

    Raises `PluginError` when the domain is not installed or ships no model of that name.
    """
    if not is_model_name(model):
        return as_path(model)
    domain, _, name = str(model).partition(":")
    registry = Registry.load(domain, policy)
    names = [spec.name for spec in registry.specs(ShippedModel)]
    if name not in names:
        listed = ", ".join(f"{domain}:{known}" for known in names) or "none"
        raise PluginError(f"the domain {domain!r} ships no model {name!r}; it ships: {listed}")
    return _folder(registry, registry.find(ShippedModel, name))


def list_models(policy: PluginPolicy | None = None) -> list[ModelEntry]:
    """Return the shipped models of all installed domains that can be used, by name."""
    policy = policy or PluginPolicy.from_environment()
    entries = []
    for plugin in installed_plugins(policy):
        if plugin.status != "installed" or plugin.name != plugin.domain:
            continue
        try:
            registry = Registry.load(plugin.domain, policy)
        except PluginError:
            continue  # sma plugins doctor explains broken plugins
        entries += [_entry(registry, spec) for spec in registry.specs(ShippedModel)]
    return sorted(entries, key=lambda entry: entry.name)


def read_model_card(model: str | Path, policy: PluginPolicy | None = None) -> str:
    """Return the model card of a run or shipped model; raises `UserError` when it has none."""
    path = locate_model(model, policy) / CARD
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UserError(f"{model} has no model card: {path} cannot be read ({error.strerror})") from error


def _entry(registry: Registry, spec: ShippedModel) -> ModelEntry:
    path = _folder(registry, spec)
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    name = f"{registry.name}:{spec.name}"
    return ModelEntry(name, spec.summary, spec.rows, spec.licence, registry.provider(spec), path, size)


def _folder(registry: Registry, spec: ShippedModel) -> Path:
    """Return the folder of a shipped model; raises `PluginError` when it is not a run."""
    folder = Path(resolve(spec.locate, f"the model {spec.name!r} of {registry.provider(spec)}")())
    try:
        return RunFolder.open(folder).path
    except UserError as error:
        raise PluginError(
            f"the model {spec.name!r} of {registry.provider(spec)} is not usable: {error}; reinstall that package"
        ) from error
