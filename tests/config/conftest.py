"""A domain with one recipe, made without any installed package."""

import sys

import pytest

from sma_core.plugins import DataSet, Domain, Task, hookimpl
from sma_core.plugins.discovery import InstalledPlugin
from sma_core.plugins.registry import Registry

RECIPE = """
[model]
layers = 2

[training]
steps = 10
batch_size = 8

[finetune.training]
epochs = 2.0
learning_rate = 0.001

[finetune.tasks.length.training]
learning_rate = 0.002
"""


class ToyPlugin:
    """The hooks of the domain ``toy``."""

    @hookimpl
    def sma_domains(self):
        return [
            Domain(
                name="toy",
                summary="Words",
                tokenizer="bytes",
                reader="lines",
                dataset="words",
                recipes="toy_recipes",
                task="length",
            )
        ]

    @hookimpl
    def sma_datasets(self):
        return [DataSet(name="words", summary="Words", source="here", licence="CC0", file="words.txt")]

    @hookimpl
    def sma_tasks(self):
        return [
            Task(name=name, summary="A number", dataset="words", targets=("x",), kind="regression", metric="rmse")
            for name in ("length", "vowels")
        ]


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The registry of the domain ``toy``, with recipes ``tiny`` and ``deep``; no setting in the environment."""
    package = tmp_path / "toy_recipes"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "tiny.toml").write_text(RECIPE)
    (package / "deep.toml").write_text(RECIPE.replace("layers = 2", "layers = 9"))
    monkeypatch.syspath_prepend(tmp_path)
    for variable in ("SMA_TRAINING__STEPS", "SMA_TRAINING__EPOCHS"):
        monkeypatch.delenv(variable, raising=False)
    plugin = InstalledPlugin("toy", "sma-toy", "1.0", "", f"{__name__}:toy")
    monkeypatch.setattr("sma_core.plugins.loading.installed_plugins", lambda policy: [plugin])
    monkeypatch.setattr("sma_core.plugins.loading.import_entry", lambda plugin: ToyPlugin())
    yield Registry.load("toy")
    sys.modules.pop("toy_recipes", None)
