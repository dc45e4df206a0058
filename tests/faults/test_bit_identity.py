"""A run that was stopped and resumed ends with the bits of one that was not: every domain, one rank and two."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

import sma_core
from sma_core.errors import StoppedOnRequest
from tests.support.matrix import full_but
from tests.support.processes import sma
from tests.support.runs import curve, same, stop_at, weights

STEPS = 6
SHORT = {
    "training.steps": STEPS,
    "training.batch_size": 4,
    "training.checkpoint_every": 4,
    "training.evaluate_every": STEPS,
    "training.evaluate_rows": 16,
    "training.log_every": 1,
    "training.precision": "fp32",
    "training.device": "cpu",
    "model.layers": 1,
}
"""Far less than an epoch of any sample, so a stop is always in the middle of one."""
WAYS = {
    "plain": {},
    "accumulate": {"training.accumulate": 3},
    "packing": {"data.packing": "concat"},
    "packing of successors": {"data.packing": "successors"},
    "accumulate and packing": {"training.accumulate": 2, "data.packing": "concat"},
    "dropout": {"model.dropout": 0.2},
    "random masks": {"masking.strategy": "random"},
    "self-attention": {
        "model.encoder": "self-attention",
        "model.embedding_width": 32,
        "model.latent_width": 32,
        "model.heads": 2,
        "model.cross_heads": 2,
    },
}
NUMBERS = ("physics",)


DOMAINS = ("toy", "chem", "protein", "physics")
CASES = [(domain, way) for domain in DOMAINS for way in WAYS if not (domain in NUMBERS and "packing" in way)]
IN_EVERY_RUN = [
    *(case for case in CASES if case[0] == "toy"),
    ("chem", "accumulate and packing"),
    ("physics", "accumulate"),
]


@pytest.fixture(scope="module")
def prepared_once(tmp_path_factory):
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(autouse=True)
def one_cache(own_cache, prepared_once, monkeypatch):
    """Prepare each sample once for all cases."""
    monkeypatch.setenv("SMA_CACHE", str(prepared_once))


def needs(domain, request):
    """Install the toy domain, or skip where a plugin is not installed."""
    if domain == "toy":
        request.getfixturevalue("toy")
    elif find_spec(f"sma_{domain}") is None:
        pytest.skip(f"sma-{domain} is not installed")


@pytest.mark.parametrize(("domain", "way"), full_but(IN_EVERY_RUN, CASES))
def test_on_one_rank(request, tmp_path, domain, way):
    needs(domain, request)
    settings = SHORT | WAYS[way]
    whole = sma_core.train(domain, settings=settings, out=tmp_path / "whole").run
    with pytest.raises(StoppedOnRequest):
        sma_core.train(domain, settings=settings, out=tmp_path / "cut", observers=[stop_at(3)])
    cut = sma_core.train(resume=str(tmp_path / "cut")).run
    assert same(weights(cut, STEPS), weights(whole, STEPS))
    assert curve(cut) == curve(whole)


@pytest.mark.full
@pytest.mark.parametrize("domain", DOMAINS)
def test_with_data_workers(request, tmp_path, domain):
    needs(domain, request)
    settings = SHORT | WAYS["accumulate"]
    whole = sma_core.train(domain, settings=settings, out=tmp_path / "whole").run
    settings["training.workers"] = 1
    with pytest.raises(StoppedOnRequest):
        sma_core.train(domain, settings=settings, out=tmp_path / "cut", observers=[stop_at(3)])
    cut = sma_core.train(resume=str(tmp_path / "cut"), settings={"training.workers": 2}).run
    assert same(weights(cut, STEPS), weights(whole, STEPS))
    assert curve(cut) == curve(whole)


def test_activation_checkpointing_changes_no_bit(toy, tmp_path):
    settings = SHORT | WAYS["dropout"]
    for name in ("plain", "less"):
        settings["training.activation_checkpointing"] = name == "less"
        sma_core.train(toy, settings=settings, out=tmp_path / name)
    assert same(weights(tmp_path / "less", STEPS), weights(tmp_path / "plain", STEPS))
    assert curve(tmp_path / "less") == curve(tmp_path / "plain")


def on_two_ranks(*arguments):
    done = sma("train", *arguments, "--devices", 2)
    assert done.returncode == 0, done.stderr


@pytest.mark.full
@pytest.mark.parametrize("domain", DOMAINS)
def test_on_two_ranks(request, tmp_path, domain):
    needs(domain, request)
    settings = SHORT | WAYS["accumulate"] | WAYS["dropout"]
    given = [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
    for name in ("whole", "cut"):
        on_two_ranks("--domain", domain, *given, "--out", tmp_path / name)
    (tmp_path / "cut" / "checkpoints" / f"step-{STEPS:08d}" / "manifest.json").unlink()
    on_two_ranks("--resume", tmp_path / "cut")  # from step 4, as after a kill during the last save
    assert same(weights(tmp_path / "cut", STEPS), weights(tmp_path / "whole", STEPS))
    assert curve(tmp_path / "cut") == curve(tmp_path / "whole")
