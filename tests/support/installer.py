"""Fake installed packages: what the tests here see is only what they install."""

import importlib
import os
import sys
from importlib import metadata

import pytest

from sma_core.plugins import discovery
from sma_kit.distributions import write_distribution

PLUGIN = """
from sma_core.plugins import *

@hookimpl
def sma_domains():
    return [Domain(name="toy", summary="Words", tokenizer="bytes", reader="lines", dataset="words",
                   recipes="toy_plugin.recipes", task="length", check="toy_plugin.parts:check")]

@hookimpl
def sma_datasets():
    return [DataSet(name="words", summary="Thirty words", source="made here", licence="CC0",
                    locate="toy_plugin.parts:words"),
            DataSet(name="counts", summary="Words with their lengths", source="made here", licence="CC0",
                    locate="toy_plugin.parts:counts", reader="csv", column="word")]

@hookimpl
def sma_tasks():
    return [Task(name="length", summary="How long a word is", dataset="counts", targets=("letters",),
                 kind="regression", metric="rmse")]
"""
PARTS = """
from pathlib import Path

def check(texts):
    'Digits are no words.'
    return ["a digit" if any(letter.isdigit() for letter in text) else None for text in texts]

def words():
    'The words.'
    return Path(__file__).parent / "words.txt"

def counts():
    'The words, and how many letters each has.'
    return Path(__file__).parent / "counts.csv"
"""
RECIPE = """
[model]
max_length = 64
embedding_width = 16
latents = 4
latent_width = 16
layers = 1
cross_heads = 2
heads = 2
decoder.width = 16
decoder.heads = 2

[training]
steps = 10

[finetune.training]
epochs = 2.0

[finetune.tasks.length.training]
learning_rate = 0.002
"""
WORDS = "".join(f"word{chr(97 + n % 26) * (n % 5 + 1)}\n" for n in range(30))
COUNTS = "word,letters\n" + "".join(f"{word},{len(word)}\n" for word in WORDS.split())
TOY = {
    "toy_plugin/__init__.py": "",
    "toy_plugin/entry.py": PLUGIN,
    "toy_plugin/parts.py": PARTS,
    "toy_plugin/words.txt": WORDS,
    "toy_plugin/counts.csv": COUNTS,
    "toy_plugin/recipes/__init__.py": "",
    **{f"toy_plugin/recipes/{name}.toml": RECIPE for name in ("tiny", "small", "paper")},
}


class Installer:
    """Installs fake packages, each in a folder of its own."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.monkeypatch, self.places = folder, monkeypatch, []
        self.kept = []
        self.before = set(sys.modules)

    def __call__(
        self, name, entry_points, files, version="1.0", summary="A package for a test.", facts=(), commands=None
    ):
        folder = self.folder / f"{name}-{version}"
        place = write_distribution(folder, name, entry_points, files, version, summary, facts, commands)
        self.monkeypatch.syspath_prepend(place)
        self.places.append(str(place))
        return place

    def toy(self, *changes, version="1.0", facts=(), **files):
        """The domain ``toy``; changes are pairs (text, other text) in any of its files."""
        texts = TOY | {f"toy_plugin/{name}.py": text for name, text in files.items()}
        for old, new in changes:
            assert any(old in text for text in texts.values()), old
            texts = {path: text.replace(old, new) for path, text in texts.items()}
        return self("sma-toy", {"toy": "toy_plugin.entry"}, texts, version, "Words of a toy language.", facts)

    def extension(self, source, name="extra", **options):
        """A package sma-toy-NAME that adds to ``toy``."""
        return self(f"sma-toy-{name}", {f"toy.{name}": f"toy_{name}"}, {f"toy_{name}.py": source}, **options)

    def keep(self, *packages):
        """Let discovery see packages that are really installed; skip the test where one is not."""
        for package in packages:
            try:
                self.kept.append(metadata.distribution(package))
            except metadata.PackageNotFoundError:
                pytest.skip(f"{package} is not installed")

    def remove(self, place):
        """Uninstall a package: what was imported of it is forgotten."""
        self.places.remove(str(place))
        sys.path.remove(str(place))
        self.forget()

    def forget(self):
        """Import the fakes anew when they are next needed."""
        for name in set(sys.modules) - self.before:
            if name.partition(".")[0].startswith(("toy_", "other_")):
                del sys.modules[name]
        importlib.invalidate_caches()

    def environment(self):
        """The environment in which another process sees the fakes too, beside what is really installed."""
        return os.environ | {"PYTHONPATH": os.pathsep.join([*self.places, *filter(None, sys.path)])}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """An installer; discovery in this process sees nothing but what it installs."""
    for variable in ("SMA_PLUGINS", "SMA_STRICT_PLUGINS"):
        monkeypatch.delenv(variable, raising=False)
    installer = Installer(tmp_path / "site", monkeypatch)
    whole = metadata.distributions
    monkeypatch.setattr(
        discovery.metadata, "distributions", lambda: [*whole(path=installer.places), *installer.kept]
    )
    yield installer
    installer.forget()
