"""Names of targets with commas, quotes and line breaks; all columns as targets; commands that a card prints."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import sma_core
from tests.support.runs import table

NAMES = ["log S, measured", 'the "best"', "two\nlines", "plain"]


@pytest.fixture
def words(tmp_path):
    draw = np.random.default_rng(0)
    path = tmp_path / "my words.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", *NAMES])
        for _ in range(60):
            text = "".join(draw.choice(list("bkm"), 3)) + "a" * int(draw.integers(1, 4))
            writer.writerow([text, *(round(float(value), 3) for value in draw.normal(size=len(NAMES)))])
    return path


def test_the_commands_of_a_card_run_whatever_the_targets_are_called(toy, words, tmp_path, run_sma):
    run = tmp_path / "my run"
    options = [
        "--set",
        "training.epochs=1",
        "--set",
        "data.check_rows=false",
        "--kind",
        "regression",
        "--no-baselines",
    ]
    options += ["--split", "random"]
    targets = ["--target", '"log S, measured",plain', "--target", '"the ""best"""', "--target", '"two\nlines"']
    done = run_sma("finetune", "--domain", toy, "--data", words, *targets, *options, "--out", run)
    assert done.returncode == 0, done.stderr
    assert set(json.loads((run / "model.json").read_text())["targets"]["names"]) == set(NAMES)
    card = (run / "README.md").read_text()
    commands = re.search(r"```bash\n(.*?)```", card, re.DOTALL)[1].replace("FILE", f"'{words}'")
    script = f'sma() {{ "{sys.executable}" -m sma_core "$@"; }}\nset -e\n{commands}'
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=os.environ, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert len(table(tmp_path / "predictions.csv")) == 60


def test_all_other_columns_are_targets(toy, words, tmp_path, numbers):
    settings = {"training.epochs": 1.0, "data.check_rows": False, "baselines": False, "split.name": "random"}
    result = sma_core.finetune(
        toy, data=words, settings=settings | {"targets": "*", "kind": "regression"}, out=tmp_path / "run"
    )
    assert sma_core.load(result.run).targets == tuple(NAMES)
    frame = np.random.default_rng(0).normal(size=(60, 4))
    path = tmp_path / "numbers.csv"
    np.savetxt(path, frame, delimiter=",", header="a,b,y,z", comments="")
    settings |= {"data.columns": "a,b", "targets": "*", "kind": "regression", "data.exclude": "z"}
    result = sma_core.finetune(numbers, data=path, settings=settings, out=tmp_path / "numbers")
    assert sma_core.load(result.run).targets == ("y",)
