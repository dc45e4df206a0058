"""The JSON schema of settings describes what files of settings hold."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from sma_core.config import FinetuneConfig, PretrainConfig
from sma_core.config.layers import dump, flatten
from sma_core.config.schema import settings_schema

ROOT = Path(__file__).parents[2]
RECIPES = sorted(ROOT.glob("plugins/*/src/*/recipes/*.toml")) + sorted(ROOT.glob("sma_core/recipes/*/*.toml"))


def described(schema, dotted):
    """Return the description of a setting in the schema."""
    part = schema
    for name in dotted.split("."):
        if "$ref" in part:
            part = schema["$defs"][part["$ref"].rpartition("/")[2]]
        if "properties" not in part:  # options of a plugin's part have any names
            assert "additionalProperties" in json.dumps(part)
            return part
        part = part["properties"][name]
    return part


def test_every_setting_is_described_and_none_is_required():
    for model in (PretrainConfig, FinetuneConfig):
        schema = settings_schema(model)
        text = json.dumps(schema)
        assert '"required": [' not in text
        assert '{"type": "null"}' not in text
        for name in model.model_fields:
            assert described(schema, name)
    schema = settings_schema(PretrainConfig)
    for name, _ in flatten(dump(PretrainConfig(domain="chem", training={"steps": 5}))):
        if not name.startswith(("data.options", "data.transforms", "model.encoder_options", "masking.options")):
            assert "description" in described(schema, name), name
    assert {"const": "none"} in described(schema, "training.clip_norm")["anyOf"]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: f"{path.parent.parent.name}-{path.stem}")
def test_recipes_have_described_settings(recipe):
    sections = tomllib.loads(recipe.read_text())
    for model, part in ((FinetuneConfig, sections.pop("finetune", {})), (PretrainConfig, sections)):
        schema = settings_schema(model)
        for name in (name for name, _ in flatten(part) if not name.startswith("tasks.")):
            assert described(schema, name)


def test_the_command_prints_it(run_sma):
    assert json.loads(run_sma("config", "schema", "--verb", "finetune").stdout) == settings_schema(FinetuneConfig)
