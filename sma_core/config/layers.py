"""Merge settings from several sources, and record the source of each value.

Later sources take precedence: defaults < recipe < file < environment < ``--set`` and options. A layer is a nested
dictionary of plain values; the result is a frozen model and a map from dotted setting to the name of its layer.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from sma_core.config.settings import Settings
from sma_core.errors import ConfigError
from sma_core.paths import is_special

M = TypeVar("M", bound=Settings)
Values = dict[str, Any]
ENVIRONMENT_PREFIX = "SMA_"
_ONE_OF = (("training.steps", "training.epochs"), ("split.name", "split.column"))
"""Settings that exclude each other: a layer that sets one clears the other of lower layers."""


@dataclass(frozen=True)
class Layer:
    """Values from one source; ``name`` is used in messages (``recipe tiny``, ``--set``)."""

    name: str
    values: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Resolved(Generic[M]):
    """A complete config, and the layer of each dotted setting that is not a default."""

    config: M
    origins: dict[str, str]


def resolve(model: type[M], layers: Sequence[Layer]) -> Resolved[M]:
    """Merge ``layers`` over the defaults of ``model``; raises `ConfigError` with setting, layer and hint."""
    merged: Values = {}
    origins: dict[str, str] = {}
    for layer in layers:
        settings = dict(flatten(layer.values))
        for group in _ONE_OF:
            present = [name for name in group if settings.get(name) not in (None, "none")]
            if len(present) == 1:
                settings |= {name: None for name in group if name not in present}
        for setting, value in settings.items():
            put(merged, setting, value)
            origins[setting] = layer.name
    try:
        config = model.model_validate(merged)
    except ValidationError as error:
        raise ConfigError(_sentence(error, model, origins)) from error
    return Resolved(config, origins)


def validate(model: type[M], values: Values, where: str, more: str) -> M:
    """Validate values of a single source, such as a file; empty tables are kept.

    Raises `ConfigError` with setting, ``where`` and a hint; ``more`` tells where settings are listed.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_sentence(error, model, dict.fromkeys(dict(flatten(values)), where), more)) from error


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield ``("training.steps", 10)`` pairs from nested dictionaries, under present names."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{name}.")
        else:
            yield _renamed(f"{prefix}{name}", value)


def _renamed(setting: str, value: Any) -> tuple[str, Any]:  # noqa: ANN401 - a setting may be of any type
    """Return a setting of earlier versions under its present name."""
    if setting == "model.position_embeddings" and isinstance(value, bool):
        return "model.positions", "learned" if value else "none"
    return setting, value


def put(values: Values, setting: str, value: Any) -> None:  # noqa: ANN401 - a setting may be of any type
    """Set a dotted ``setting`` in nested dictionaries; raises `ConfigError` when a section is a value."""
    *sections, last = setting.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"the setting {setting!r} is inside {section!r}, which is a value, not a section")
        values = inner
    values[last] = value


def read_toml(path: Path) -> Values:
    """Read a TOML file; raises `ConfigError` naming the file when it is missing or malformed."""
    if is_special(path):
        raise ConfigError(f"the settings file {path} is a pipe or device: name a file")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the settings file {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:  # malformed, not text, too long a number, nested too deeply
        raise ConfigError(f"{path} is not valid TOML: {error}") from error


def parse_assignments(assignments: Sequence[str]) -> Values:
    """Parse ``["training.steps=10", "masking.strategy=random"]`` into nested values."""
    values: Values = {}
    for assignment in assignments:
        setting, equals, text = assignment.partition("=")
        if not equals or not setting.strip():
            raise ConfigError(f"`assignments` {assignment!r} must look like section.name=value")
        put(values, setting.strip(), parse_value(text.strip()))
    return values


def parse_value(text: str) -> Any:  # noqa: ANN401 - a setting may be of any type
    """Parse ``text`` as a TOML number, boolean, list or quoted string; other text is returned unchanged."""
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, date | time) else value


def environment_values(environment: Mapping[str, str]) -> Values:
    """Parse variables such as ``SMA_TRAINING__STEPS=10``, with two underscores for the dot."""
    values: Values = {}
    for variable, text in sorted(environment.items()):
        name = variable.removeprefix(ENVIRONMENT_PREFIX)
        if name != variable and "__" in name:
            put(values, name.lower().replace("__", "."), parse_value(text))
    return values


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every dotted setting of a model with its description."""
    for name, info in model.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from settings_of(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", info.description or ""


def dump(config: BaseModel) -> Values:
    """Return plain nested values that `resolve` can read; None becomes ``"none"``."""
    return _without_none(config.model_dump(mode="json"))


def _without_none(values: Values) -> Values:
    return {
        name: _without_none(value) if isinstance(value, dict) else ("none" if value is None else value)
        for name, value in values.items()
    }


def _sentence(
    error: ValidationError,
    model: type[BaseModel],
    origins: Mapping[str, str],
    more: str = "sma config show lists every setting",
) -> str:
    """Return a message about the first error."""
    first = error.errors()[0]
    setting = ".".join(str(part) for part in first["loc"] if not isinstance(part, int))
    names_inside = [name for name in origins if name == setting or name.startswith(f"{setting}.")]
    origin = f" (from {origins[names_inside[0]]})" if names_inside else ""
    if first["type"] == "extra_forbidden":
        setting = names_inside[0] if names_inside else setting
        names = [name for name, _ in settings_of(model)]
        near = difflib.get_close_matches(setting, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else more
        return f"there is no setting {setting!r}{origin}: {hint}"
    if first["type"] == "missing":
        return f"the setting {setting!r} is missing"
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if first["type"] == "value_error":
        return f"settings do not fit together{f' in {setting}' if setting else ''}: {message}"
    if first["type"] == "tuple_type":
        message = "give a list, such as [1,2]"
    return f"the setting {setting!r} cannot be {first['input']!r}{origin}: {message}"
