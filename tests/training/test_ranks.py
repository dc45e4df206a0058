"""Several ranks train one model: the same curve as one, the same files once, and nothing lost when one goes."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import sma_core
from sma_core.devices.launch import _status
from sma_core.training.reporting.metrics_file import read_metrics
from tests.support.matrix import full_but
from tests.support.processes import sma
from tests.support.runs import weights

SETTINGS = {"training.precision": "fp32", "model.dropout": 0.0}  # each rank drops what its own seed says
EXACT = [text for name, value in SETTINGS.items() for text in ("--set", f"{name}={value}")]


def command(*arguments: object, devices: int) -> list[str]:
    return [sys.executable, "-m", "sma_core", *map(str, arguments), *EXACT, "--devices", str(devices)]


def run(*arguments: object, devices: int) -> subprocess.CompletedProcess[str]:
    done = sma(*arguments, *EXACT, "--devices", devices)
    assert done.returncode == 0, done.stderr
    return done


def figures(folder: Path) -> list[tuple[int, str, float]]:
    wanted = ("loss", "held_out_loss", "held_out_random_loss", "mask_change", "rmse")
    lines = read_metrics(folder / "metrics.jsonl")
    return [(line["step"], name, line[name]) for line in lines for name in wanted if name in line]


def close(one: list[tuple[int, str, float]], other: list[tuple[int, str, float]]) -> bool:
    return [each[:2] for each in one] == [each[:2] for each in other] and all(
        first[2] == pytest.approx(second[2], rel=1e-4) for first, second in zip(one, other, strict=True)
    )


STRATEGIES = ["strategy=ddp", "strategy=fsdp", "strategy=fsdp activation_checkpointing=true"]


@pytest.mark.parametrize("settings", full_but(["strategy=ddp"], STRATEGIES))
def test_two_ranks_give_the_curve_of_one_and_their_checkpoint_goes_on_on_one(toy, tmp_path, settings):
    one = sma_core.train(toy, settings=SETTINGS, out=tmp_path / "one").run
    given = [text for setting in settings.split() for text in ("--set", f"training.{setting}")]
    done = run("train", "--domain", toy, *given, "--json", "--out", tmp_path / "two", devices=2)
    assert close(figures(one), figures(tmp_path / "two"))
    assert json.loads(done.stdout)["step"] == 12
    for name, tensor in weights(tmp_path / "two", 12).items():
        assert torch.allclose(tensor, weights(one, 12)[name], atol=1e-4), name
    more = {"training.steps": 16}
    longer = [sma_core.train(resume=str(folder), settings=more).run for folder in (one, tmp_path / "two")]
    assert close(*map(figures, longer))


@pytest.mark.full
def test_a_fine_tuning_on_two_ranks_gives_the_figures_of_one(toy, tmp_path):
    settings = SETTINGS | {"training.epochs": 2.0}
    one = sma_core.finetune(toy, settings=settings, out=tmp_path / "one")
    asked = ["finetune", "--domain", toy, "--set", "training.epochs=2.0", "--json", "--out", tmp_path / "two"]
    two = json.loads(run(*asked, devices=2).stdout)
    assert two["test"] == pytest.approx(one.test, rel=1e-3)
    assert close(figures(tmp_path / "one"), figures(tmp_path / "two"))


def started(*arguments: object, folder: Path) -> subprocess.Popen[str]:
    """Start two ranks and wait until they have made some steps."""
    process = subprocess.Popen(
        command(*arguments, "--out", folder, devices=2),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        if any(line.get("step", 0) >= 3 for line in read_metrics(folder / "metrics.jsonl")):
            return process
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"no step was made: {process.communicate()[1]}")


LONG = ["--set", "training.steps=2000", "--set", "training.evaluate_every=2000", "--set", "training.log_every=1"]


@pytest.mark.full
def test_a_signal_stops_all_ranks_after_one_step_and_the_rest_is_bit_for_bit(toy, tmp_path):
    asked = ["train", "--domain", toy, "--set", "training.steps=60", "--set", "training.log_every=1"]
    run(*asked, "--out", tmp_path / "whole", devices=2)
    process = started(*asked[:4], "training.steps=60", *asked[5:], folder=tmp_path / "cut")
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=300)
    if process.returncode == 0:
        pytest.skip("the run was over before the signal came")
    assert process.returncode == 75
    assert said.count("its checkpoint is saved") == 1
    assert "Traceback" not in said
    run("train", "--resume", tmp_path / "cut", devices=2)
    cut, whole = (weights(tmp_path / name, 60) for name in ("cut", "whole"))
    assert all(torch.equal(cut[name], whole[name]) for name in whole)


@pytest.mark.full
def test_a_rank_that_is_killed_is_one_sentence_and_the_run_goes_on_from_its_checkpoint(toy, tmp_path):
    process = started(
        "train", "--domain", toy, *LONG, "--set", "training.checkpoint_every=2", folder=tmp_path / "run"
    )
    ranks = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
    os.kill(int(ranks.stdout.split()[-1]), signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "was killed by signal 9; saved checkpoints are intact: continue with --resume" in said
    assert "Traceback" not in said
    saved = max(int(path.name[5:]) for path in (tmp_path / "run" / "checkpoints").glob("step-*"))
    result = sma_core.train(resume=str(tmp_path / "run"), settings={"training.steps": saved + 2})
    assert result.step == saved + 2


@pytest.mark.parametrize(("left", "status"), [({0: -15, 1: 2}, 2), ({0: 75, 1: 2}, 75), ({0: -15}, 1)])
def test_a_rank_that_is_ended_with_the_others_does_not_choose_the_exit_status(left, status):
    failures = {rank: SimpleNamespace(exitcode=code) for rank, code in left.items()}
    assert _status(failures) == status


@pytest.mark.full
def test_a_mistake_is_said_once(toy, tmp_path):
    wrong = ["train", "--domain", toy, "--data", tmp_path / "missing.txt", *EXACT, "--devices", 2]
    done = sma(*wrong, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("missing.txt") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.full
def test_rows_are_predicted_and_embedded_in_order_on_two_ranks(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("sma_core.sources.reading.ROWS_IN_CHUNK", 64)
    file = tmp_path / "rows.txt"
    file.write_text("".join(f"word{chr(97 + at % 26) * (at % 7)}\n" if at % 50 else "b4d\n" for at in range(9000)))
    model = sma_core.finetune(toy, settings=SETTINGS | {"training.epochs": 1.0}, out=tmp_path / "run").run
    sma_core.predict(model, file, out=tmp_path / "one.csv")
    sma_core.embed(model, file, tmp_path / "one.npz")
    for verb, out in (("predict", "two.csv"), ("embed", "two.npz")):
        asked = [verb, file, "--model", model, "--out", tmp_path / out, "--json", "--devices", 2]
        done = sma(*asked)
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout)
        assert (facts["rows"], facts["unusable"]) == (9000, 180)
    one, two = ((tmp_path / name).read_text().splitlines() for name in ("one.csv", "two.csv"))
    assert [line.split(",")[:2] for line in one] == [line.split(",")[:2] for line in two]
    first, second = (np.load(tmp_path / name) for name in ("one.npz", "two.npz"))
    assert first["rows"].tolist() == second["rows"].tolist()
    assert np.allclose(first["vectors"], second["vectors"], atol=1e-5, equal_nan=True)


@pytest.mark.full
def test_what_one_rank_cannot_read_is_said_once(toy, tmp_path):
    file = tmp_path / "rows.txt.gz"
    file.write_bytes(gzip.compress("".join(f"word{at}\n" for at in range(20000)).encode())[:-30])
    model = sma_core.finetune(toy, settings=SETTINGS | {"training.epochs": 1.0}, out=tmp_path / "run").run
    asked = ["predict", file, "--model", model, "--out", tmp_path / "out.csv", "--devices", 2]
    done = sma(*asked)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("damaged or cut-off") == 1
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.csv").exists()
