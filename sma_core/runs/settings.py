"""Resolve recipe, settings file, environment and options to a config."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from sma_core.config import FinetuneConfig, PretrainConfig
from sma_core.config.layers import (
    Layer,
    Resolved,
    Values,
    environment_values,
    flatten,
    put,
    read_toml,
    resolve,
    settings_of,
)
from sma_core.config.settings import Settings
from sma_core.errors import ConfigError
from sma_core.paths import as_path
from sma_core.plugins.domain_file import is_file
from sma_core.plugins.registry import Registry
from sma_core.runs.methods import check_members
from sma_core.runs.recipes import read_recipe
from sma_core.runs.shipped_models import is_model_name

DEFAULT_RECIPE = "tiny"
SETTINGS = "`settings`"
NO_RECIPE = "none"
"""Value of ``recipe`` for runs without one, such as imported runs."""


@dataclass(frozen=True)
class Request:
    """The user's settings: a recipe, a settings file, and single settings by dotted name."""

    recipe: str | None = None
    config: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        recipe: str | None,
        config: str | Path | None,
        settings: Mapping[str, Any] | None,
        *,
        data: str | Path | None = None,
        task: str | None = None,
        pretrained: Path | None = None,
    ) -> Self:
        """Merge ``settings`` with arguments that are settings; arguments take precedence."""
        arguments = {"data.source": data, "task": task, "pretrained": pretrained and _absolute(pretrained)}
        overrides = {name: str(value) for name, value in arguments.items() if value is not None}
        return cls(recipe, as_path(config), dict(settings or {}) | overrides)

    def without(self, setting: str) -> Self:
        """Return the request without a single setting."""
        return replace(self, settings={name: value for name, value in self.settings.items() if name != setting})


def _absolute(model: Path) -> Path:
    """Return an absolute path; names of shipped models are unchanged."""
    return model if is_model_name(model) else as_path(model.resolve())


def pretrain_settings(registry: Registry, request: Request) -> Resolved[PretrainConfig]:
    """Merge defaults, recipe, file, environment and options, in this order, for `sma train`."""
    name = request.recipe or DEFAULT_RECIPE
    recipes = [Layer(f"recipe {recipe.name}", recipe.pretraining) for recipe in read_recipe(registry, name)]
    layers = [_base_layer(registry, name), *recipes, *_user_layers(request, PretrainConfig)]
    resolved = resolve(PretrainConfig, layers)
    _check_base(registry, name, resolved)
    check_members(registry, resolved.config)
    return resolved


def finetune_settings(
    registry: Registry, request: Request, pretrained: Values | None = None
) -> Resolved[FinetuneConfig]:
    """Merge the settings of `sma finetune`.

    ``pretrained`` is the config of the pre-trained run: its model and data settings are overridden by the recipe's
    fine-tuning tables. ``[finetune.tasks.NAME]`` of a recipe applies to that task only.
    """
    run_recipe = (pretrained or {}).get("recipe", NO_RECIPE)
    name = request.recipe or (run_recipe if run_recipe != NO_RECIPE else DEFAULT_RECIPE)
    recipes = read_recipe(registry, name)
    user = _user_layers(request, FinetuneConfig)
    task = next((layer.values["task"] for layer in reversed(user) if layer.values.get("task")), None)
    task = task or registry.domain.task
    layers = [_base_layer(registry, name)]
    for recipe in recipes:
        shared = {"model": recipe.values.get("model", {}), "data": _reader_options(recipe.values)}
        layers.append(Layer(f"recipe {recipe.name}", shared))
    if pretrained is not None:
        kept = ("tokenizer", "truncate", "sentinels", "normalise", "strip", "options")
        data = {"normalise": False} | {key: pretrained["data"][key] for key in kept if key in pretrained["data"]}
        layers.append(Layer("the pre-trained run", {"model": pretrained["model"], "data": data}))
    layers += [Layer(f"recipe {recipe.name}", recipe.finetuning) for recipe in recipes]
    if task is not None:
        short = str(task).rpartition(":")[2]
        layers += [Layer(f"recipe {each.name}, task {task}", each.tasks.get(short, {})) for each in recipes]
    if any(layer.values.get("weight") for layer in user):  # a probe does not use weights of rows
        layers.append(Layer("`weight`", {"training": {"probe_fallback": False}}))
    resolved = resolve(FinetuneConfig, [*layers, *user])
    _check_base(registry, name, resolved)
    check_members(registry, resolved.config)
    return resolved


def _reader_options(recipe: Values) -> Values:
    """Return the options of readers in a recipe: rows of pre-training and of fine-tuning are read alike."""
    options = recipe.get("data", {}).get("options")
    return {} if options is None else {"options": options}


def _check_base(
    registry: Registry, recipe: str, resolved: Resolved[PretrainConfig] | Resolved[FinetuneConfig]
) -> None:
    """Raise `ConfigError` when domain or recipe differ from those that the settings started from."""
    domain = resolved.config.domain
    if domain not in (registry.name, registry.reference) and not (is_file(domain) and is_file(registry.reference)):
        where = resolved.origins.get("domain", "the settings")
        raise ConfigError(
            f"the domain is {registry.name!r}, but {domain!r} is set too (from {where}): name only one"
        )
    if resolved.config.recipe != recipe and resolved.origins.get("recipe") == SETTINGS:
        raise ConfigError(
            f"the recipe is {recipe!r}, but the setting recipe is {resolved.config.recipe!r}, which would change "
            "its name only: choose the recipe itself"
        )


def _base_layer(registry: Registry, recipe: str) -> Layer:
    """Return the settings that the domain determines."""
    normalised = {"data": {"normalise": True}} if registry.domain.normalised else {}
    return Layer("`domain`", {"domain": registry.reference, "recipe": recipe, **normalised})


def requested_settings(request: Request, model: type[Settings]) -> dict[str, Any]:
    """Return the user's settings by dotted name: recipe, file, environment and options."""
    requested: dict[str, Any] = {} if request.recipe is None else {"recipe": request.recipe}
    for layer in _user_layers(request, model):
        requested |= dict(flatten(layer.values))
    return requested


def _user_layers(request: Request, model: type[Settings]) -> list[Layer]:
    """Return the layers of the user: file, environment, options.

    Environment variables are shared by all verbs, so settings of other verbs are ignored there.
    """
    layers = []
    if request.config is not None:
        layers.append(Layer(str(request.config), read_toml(request.config)))
    layers.append(Layer("the environment", _of_this_verb(environment_values(os.environ), model)))
    options: Values = {}
    for setting, value in request.settings.items():
        put(options, setting, value)
    layers.append(Layer(SETTINGS, options))
    return layers


def _of_this_verb(values: Values, model: type[Settings]) -> Values:
    """Remove settings that only another verb has."""
    own = {name for name, _ in settings_of(model)}
    others = {name for verb in (PretrainConfig, FinetuneConfig) for name, _ in settings_of(verb)} - own
    kept: Values = {}
    for setting, value in flatten(values):
        if setting not in others and not any(setting.startswith(f"{name}.") for name in others):
            put(kept, setting, value)
    return kept
