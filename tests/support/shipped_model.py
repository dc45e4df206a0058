"""A toy run, and a plugin that ships it as a model."""

import pytest

import sma_core
from sma_kit.pack_model import pack_model

HOOK = """
from pathlib import Path
from sma_core.plugins import ShippedModel, hookimpl

@hookimpl
def sma_models():
    return [ShippedModel(name="tiny", summary="A small one.", rows="words", licence="CC0 1.0",
                         locate="toy_extra:folder")]

def folder():
    return Path({folder!r})
"""
FEW = {"training.steps": 4, "training.batch_size": 4, "training.evaluate_every": 1, "training.device": "cpu"}


@pytest.fixture
def run(install, tmp_path):
    install.toy()
    return sma_core.train("toy", settings=FEW, out=tmp_path / "run").run


@pytest.fixture
def shipped(run, install, tmp_path):
    """Install a plugin that ships the packed run; return its folder."""
    card = tmp_path / "card.md"
    card.write_text("# Tiny\n\nIt knows words.\n")
    packed = pack_model(run, tmp_path / "packed", card)
    install.extension(HOOK.format(folder=str(packed.path)))
    return packed.path
