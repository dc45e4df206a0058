"""A plugin's recipes as the settings they become."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from importlib import resources

import torch

from sma_core.config import FinetuneConfig, ModelConfig, PretrainConfig
from sma_core.nn.inputs import Inputs
from sma_core.nn.model import SMA
from sma_core.nn.parameters import parameter_count


def settings_of(domain: str, recipe: str, tasks: Collection[str]) -> tuple[PretrainConfig, list[FinetuneConfig]]:
    """Return what a recipe of ``sma_DOMAIN`` sets: for pre-training, and for each task's fine-tuning."""
    text = (resources.files(f"sma_{domain}.recipes") / f"{recipe}.toml").read_text(encoding="utf-8")
    given = tomllib.loads(text)
    finetune = given.pop("finetune")
    overrides = finetune.pop("tasks", {})
    assert set(overrides) <= set(tasks)
    configs = []
    for task in tasks:
        override = overrides.get(task, {})
        tables = {table: finetune.get(table, {}) | override.get(table, {}) for table in {*finetune, *override}}
        model = given["model"] | tables.pop("model", {})
        configs.append(FinetuneConfig(domain=domain, recipe=recipe, task=task, model=model, **tables))
    return PretrainConfig(domain=domain, recipe=recipe, **given), configs


def parameters_of(model: ModelConfig, inputs: Inputs) -> int:
    """Return the number of parameters of a pre-training network; no memory is used."""
    with torch.device("meta"):
        return parameter_count(SMA(model, inputs))


def general(kind: str, recipe: str) -> PretrainConfig:
    """Return the pre-training settings of a general recipe of the core, for ``discrete`` or ``continuous``."""
    text = (resources.files(f"sma_core.recipes.{kind}") / f"{recipe}.toml").read_text(encoding="utf-8")
    values = tomllib.loads(text)
    values.pop("finetune")
    return PretrainConfig(domain="any", recipe=recipe, **values)
