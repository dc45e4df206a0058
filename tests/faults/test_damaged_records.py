"""JSON of a run folder with any value in place of any other: used as it is, or one sentence; never a traceback."""

from __future__ import annotations

import copy
import itertools
import json
import math
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import sma_core
from sma_core.checkpoints.manifest import SEAL
from sma_core.checkpoints.store import CheckpointStore, DamagedCheckpoint
from sma_core.errors import CheckpointError, SmaError
from sma_core.files import sha256_of
from sma_core.sealed import seal
from tests.faults.child import one_sentence, program
from tests.faults.runs import begin_or_go_on

STRANGE = [None, True, -1, 10**400, math.nan, math.inf, "", "\x1b[31m", [], {}, [[]], {"a": {}}]
WHOLE = ["", "{", "[]", "0", "null", "\xff", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, '{"format": 1}']
SETTINGS = {"training.steps": 2, "training.checkpoint_every": 1, "training.evaluate_every": 2}


@pytest.fixture
def trained(toy, shared):
    run = shared / "trained"
    return run if run.exists() else begin_or_go_on(toy, run, SETTINGS)


@pytest.fixture
def tuned(toy, shared):
    run = shared / "tuned"
    return run if run.exists() else sma_core.finetune(toy, settings={"training.epochs": 1.0}, out=run).run


@pytest.fixture
def numbers_run(numbers, shared):
    run = shared / "numbers"
    return run if run.exists() else begin_or_go_on(numbers, run, SETTINGS)


def places(values, path=()):
    """Yield the path of each entry of nested values."""
    for key, value in values.items() if isinstance(values, dict) else enumerate(values):
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from places(value, (*path, key))


def changed(values, path, value, remove=False):
    result = copy.deepcopy(values)
    *first, last = path
    inner = result
    for key in first:
        inner = inner[key]
    if remove:
        del inner[last]
    else:
        inner[last] = value
    return result


def variants(values, each=2):
    """Yield values with one entry removed or replaced, ``each`` replacements an entry in turn."""
    strange = itertools.cycle(STRANGE)
    for path in places(values):
        yield changed(values, path, None, remove=True)
        for value in itertools.islice(strange, each):
            yield changed(values, path, value)


def tried(use):
    """Whether ``use`` worked; any error must be ours, and short."""
    try:
        use()
    except SmaError as error:
        sentence = str(error)
    else:
        return True
    assert len(sentence) < 2000
    return False


@pytest.mark.parametrize("name", ["trained", "tuned", "numbers_run"])
def test_any_value_in_the_record_of_a_run(request, name):
    run = request.getfixturevalue(name)
    path = run / "model.json"
    kept = path.read_text()
    try:
        for values in variants(json.loads(kept)):
            path.write_text(json.dumps(values))
            tried(lambda: sma_core.load(run))
        for text in WHOLE:
            path.write_text(text, encoding="latin-1")
            assert not tried(lambda: sma_core.load(run))
    finally:
        path.write_text(kept)
    sma_core.load(run)


def sealed_again(folder):
    """Let the manifest agree with the files."""
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }
    (folder / "manifest.json").write_text(json.dumps(seal({"format": 2, "files": files}, SEAL)))


def test_any_value_in_the_state_of_a_checkpoint(toy, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    folder = CheckpointStore(run / "checkpoints").path(2)
    path = folder / "state.json"
    kept = json.loads(path.read_text())
    shutil.rmtree(CheckpointStore(run / "checkpoints").path(1))
    texts = [json.dumps(values) for values in variants(kept, 1)]  # a resumed run takes its time
    for text in [*texts, *WHOLE]:
        path.write_text(text, encoding="latin-1")
        sealed_again(folder)
        tried(lambda: begin_or_go_on(toy, run, SETTINGS))


def test_any_value_in_a_manifest(trained):
    store = CheckpointStore(trained / "checkpoints")
    path = store.path(2) / "manifest.json"
    kept = path.read_text()
    facts = {name: value for name, value in json.loads(kept).items() if name != SEAL}
    try:
        for values in variants(json.loads(kept)):
            path.write_text(json.dumps(values))
            if tried(lambda: store.read(2)):  # without its own checksum, as early manifests
                assert {name: value for name, value in values.items() if name != SEAL} == facts
        for text in WHOLE:
            path.write_text(text, encoding="latin-1")
            with pytest.raises(DamagedCheckpoint):
                store.read(2)
    finally:
        path.write_text(kept)


@pytest.mark.parametrize("name", ["model.safetensors", "state.json"])
def test_a_manifest_names_the_weights_and_the_state(trained, tmp_path, name):
    store = CheckpointStore(shutil.copytree(trained, tmp_path / "run") / "checkpoints")
    folder = store.path(2)
    kept = (folder / name).read_bytes()
    (folder / name).unlink()
    sealed_again(folder)
    (folder / name).write_bytes(kept)
    with pytest.raises(DamagedCheckpoint, match=f"its manifest lacks {name}"):
        store.read(2)


@pytest.mark.parametrize("text", [*WHOLE[:-1], '{"step": "a"}', '{"step": 1, "loss": []}', "1"])
def test_a_damaged_line_of_the_curve_prevents_nothing(toy, trained, tmp_path, caplog, text):
    run = shutil.copytree(trained, tmp_path / "run")
    path = run / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:1], text.encode("latin-1") + b"\n", *lines[1:]]))
    begin_or_go_on(toy, run, SETTINGS | {"training.steps": 3})
    for line in path.read_text().splitlines():
        json.loads(line)
    assert path.read_bytes().startswith(b"".join(lines[:2]))
    if text.strip():
        assert "1 damaged line of the curve is left out" in caplog.text


@pytest.mark.parametrize("damage", ["nan", "infinity", "shape", "kind", "missing", "more", "empty", "text"])
def test_weights_that_are_none(trained, tuned, tmp_path, damage):
    for source in (trained, tuned):
        run = shutil.copytree(source, tmp_path / source.name)
        store = CheckpointStore(run / "checkpoints")
        for step in store.steps():
            path = store.path(step) / "model.safetensors"
            weights = load_file(path)
            name = next(name for name in weights if name.startswith("encoder.") and weights[name].numel() > 1)
            if damage in ("nan", "infinity"):
                weights[name].view(-1)[0] = math.nan if damage == "nan" else math.inf
            elif damage == "missing":
                del weights[name]
            else:
                other = {"shape": weights[name][:1], "kind": weights[name].to(torch.int8)}
                weights[name if damage in other else "other"] = other.get(damage, torch.zeros(1))
            save_file(weights, path)
            if damage in ("empty", "text"):
                path.write_bytes(b"" if damage == "empty" else b"weights" * 100)
            sealed_again(store.path(step))
        with pytest.raises(CheckpointError, match=r"damaged|not finite|do not fit"):
            sma_core.load(run)
    assert "error: " in one_sentence(program(tmp_path, "predict", "--model", run, __file__))


def test_settings_of_a_run_that_are_none(toy, trained, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    deep, long = "a = " + "[" * 100_000, "a = " + "1" * 5000
    for text in ("", "data = 3\nmodel = []\n", "[model]\nlayers = 'x'\n", deep, long):
        (run / "config.toml").write_text(text)
        assert not tried(lambda: sma_core.load(run))
        tried(lambda: sma_core.finetune(toy, model=run, out=tmp_path / "tuned"))
        tried(lambda: begin_or_go_on(toy, run, SETTINGS))


def test_results_are_valid_json_without_figures(tuned, tmp_path):
    from sma_core.runs.run_folder import RunFolder

    RunFolder(tmp_path).write_results({"test": {"spearman": math.nan, "rmse": 0.5}, "run": tmp_path})

    def refuse(constant):
        raise AssertionError(constant)

    read = json.loads((tmp_path / "results.json").read_text(), parse_constant=refuse)
    assert read == {"test": {"spearman": None, "rmse": 0.5}, "run": str(tmp_path)}
