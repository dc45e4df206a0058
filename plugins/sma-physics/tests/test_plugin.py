"""What the plugin offers: sets that are read, recipes that are settings, README's table, and the verbs."""

import gzip
import os
import tomllib
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

import sma_core
from sma_core.config import FinetuneConfig, PretrainConfig
from sma_core.data.blocks import Block
from sma_core.data.readers.parquet import read_parquet
from sma_core.data.readers.table import read_table
from sma_physics import plugin, splits
from sma_physics.schema import FEATURE_NAMES, LABEL, SOURCE, markdown_table
from sma_physics.toy.files import SHIPPED_EVENTS, higgs_toy, write_events

SETS = {spec.name: spec for spec in plugin.sma_datasets()}
TASKS = {spec.name: spec for spec in plugin.sma_tasks()}
README = Path(__file__).parents[1] / "README.md"
FEW_STEPS = {
    "training.steps": 6,
    "training.batch_size": 16,
    "training.evaluate_every": 3,
    "training.checkpoint_every": 6,
    "training.warmup_steps": 1,
    "training.precision": "fp32",
}


def together(records):
    blocks = [record for record in records if isinstance(record, Block)]
    values = np.concatenate([block.values for block in blocks])
    return values, [np.concatenate(parts) for parts in zip(*(block.fields for block in blocks), strict=True)]


def test_there_are_28_features_with_names_of_their_own():
    assert len(set(FEATURE_NAMES)) == 28
    assert FEATURE_NAMES[0] == "lepton_pT"
    assert FEATURE_NAMES[-1] == "m_wwbb"


def test_readme_shows_the_table_of_features():
    assert markdown_table() in README.read_text(encoding="utf-8")


def test_the_toy_is_read_whole():
    spec = SETS["higgs-toy"]
    values, [labels] = together(read_parquet(higgs_toy(), spec.columns, (LABEL,)))
    assert values.shape == (SHIPPED_EVENTS, 28)
    assert np.isfinite(values).all()
    assert 0.5 < labels.mean() < 0.56


def test_a_file_as_published_has_no_header(tmp_path):
    write_events(tmp_path / "a.csv", 300, seed=4)
    header, *lines = (tmp_path / "a.csv").read_text().splitlines()
    path = tmp_path / "HIGGS.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    spec = SETS["higgs-uci"]
    values, [labels] = together(read_table(path, spec.columns, (LABEL,), names=spec.names))
    assert header == ",".join(spec.names)
    assert values.shape == (300, 28)
    assert set(labels.tolist()) == {0.0, 1.0}


@pytest.mark.data
def test_the_real_rows_are_as_stated():
    path = Path(os.environ.get("SMA_DATA", "/nowhere")) / "physics" / "higgs.csv.gz"
    if not path.exists():
        pytest.skip("the set higgs is not in SMA_DATA")
    values, [labels, source] = together(read_table(path, SETS["higgs"].columns, (LABEL, SOURCE)))
    assert values.shape == (23_471, 28)
    assert np.isfinite(values).all()
    assert abs(labels.mean() - 0.532) < 0.001
    _, _, test = splits.higgs_all([""] * len(values), 0.1, 0.1, 0)
    np.testing.assert_array_equal(test, np.flatnonzero(source == "h2o_test5k"))


def test_tasks_use_the_splitters_of_their_names():
    names = {spec.name for spec in plugin.sma_splitters()}
    assert names == set(TASKS)
    for name, task in TASKS.items():
        assert task.splitter == name
        assert task.targets == (LABEL,)
        assert task.dataset in SETS


@pytest.mark.parametrize("name", ["tiny", "small", "paper"])
def test_recipes_are_settings(name):
    text = (resources.files("sma_physics.recipes") / f"{name}.toml").read_text(encoding="utf-8")
    recipe = tomllib.loads(text)
    finetune = recipe.pop("finetune")
    assert set(finetune.pop("tasks", {})) <= set(TASKS)
    config = PretrainConfig(domain="physics", recipe=name, **recipe)
    assert config.data.source in SETS
    assert config.model.max_length == len(FEATURE_NAMES)
    assert config.masking.ratio == 0.2
    if name != "paper":
        assert (config.masking.strategy, config.masking.anneal) == ("sampled", None)
    else:
        assert (config.masking.strategy, config.masking.anneal) == ("guided", "mix")
        assert config.masking.anneal_over == 0.25
    model = recipe["model"] | finetune.pop("model")
    finetuning = FinetuneConfig(domain="physics", recipe=name, model=model, **finetune)
    assert finetuning.model.dropout == 0.1
    if name == "paper":
        assert (config.training.learning_rate, config.training.warmup_steps) == (1e-4, 10_000)
        assert (finetuning.training.learning_rate, finetuning.training.schedule) == (3e-5, "constant")


def test_the_verbs_work_on_events(tmp_path):
    """Pre-train on the toy, learn from 100 labels, predict."""
    run = sma_core.train("physics", out=tmp_path / "run", settings=FEW_STEPS)
    assert np.isfinite(run.held_out_last)
    labels = {"training.epochs": 1.0, "training.precision": "fp32", "baselines": False}
    sma_core.finetune(model=run.run, task="toy-100", out=tmp_path / "tuned", settings=labels)
    write_events(tmp_path / "new.csv", 20, seed=9)
    out = tmp_path / "predictions.csv"
    sma_core.predict(tmp_path / "tuned", str(tmp_path / "new.csv"), out=out)
    assert len(out.read_text().splitlines()) == 21


@pytest.mark.parametrize("name", ["events.h5", "events.root"])
def test_own_files_of_other_formats_train(tmp_path, name):
    events = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    path = tmp_path / name
    if path.suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(path, "w") as file:
            for at, column in enumerate(("pt", "eta", "phi")):
                file[f"events/{column}"] = events[:, at]
    else:
        uproot = pytest.importorskip("uproot")
        with uproot.recreate(path) as file:
            file.mktree("events", {"pt": "f4", "eta": "f4", "phi": "f4"})
            file["events"].extend(dict(zip(("pt", "eta", "phi"), events.T, strict=True)))
    settings = FEW_STEPS | {"data.columns": ["pt", "eta", "phi"], "masking.ratio": 0.4}
    run = sma_core.train("physics", data=str(path), out=tmp_path / "run", settings=settings)
    assert np.isfinite(run.held_out_last)


def test_what_the_hub_gives_is_read(tmp_path):
    """A local folder of the hub's layout stands in for it."""
    pytest.importorskip("datasets")
    from sma_core.sources.hub import fetch
    from sma_physics.readers.lists import read_lists

    spec = SETS["higgs-hub"]
    rows = [f'{{"inputs": {[at + 0.5] * 28}, "label": {at % 2}}}' for at in range(10)]
    (tmp_path / "hub").mkdir()
    (tmp_path / "hub" / "train.jsonl").write_text("\n".join(rows))
    local = replace(spec, hub=str(tmp_path / "hub"))
    path = fetch(local, tmp_path / "cache")
    values, [labels] = together(read_lists(path, spec.columns, (LABEL,), names=spec.names))
    np.testing.assert_array_equal(values[:, 27], np.arange(10) + 0.5)
    np.testing.assert_array_equal(labels, np.arange(10) % 2)
