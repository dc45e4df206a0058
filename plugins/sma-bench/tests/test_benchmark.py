"""`benchmark`: a suite runs, goes on where it stopped, and says what it found."""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sma_bench.benchmark import benchmark, plan_benchmark
from sma_bench.run_baseline import run_baseline
from sma_bench.suites import read_suite
from sma_core.errors import ConfigError, PluginError, StoppedOnRequest, UserError
from sma_core.plugins.registry import Registry
from sma_core.runs.run_folder import locked_folder

SHIPPED = Path(__file__).parents[3] / "tests" / "support" / "toy_domain" / "suites" / "words.toml"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "suite.toml"
    path.write_text(text)
    return path


def small(tmp_path: Path, **arms: str) -> Path:
    """Write a suite of one seed and one learning rate."""
    lines = ["summary = 'small'", "domain = 'toy'", "seeds = [0]"]
    lines += [f"{name} = {value}" for name, value in arms.items()]
    lines += ["[pretraining.settings]", "training.steps = 2", "[finetuning.settings]", "training.epochs = 1.0"]
    return written(tmp_path, "\n".join([*lines, "[tasks.vowels]"]))


def test_a_suite_runs_and_a_cell_that_is_done_is_not_run_again(toy, tmp_path):
    path, out, lines = small(tmp_path, arms="['guided', 'none']"), tmp_path / "out", []
    first = benchmark(str(path), out=out, jobs=2, tell=lines.append)
    assert (first.done, first.missing, first.failures) == (2, 0, [])
    assert [row.arm for row in first.rows] == ["guided", "none"]
    assert sum("done in" in line for line in lines) == sum("started" in line for line in lines) == 3
    table = (out / "table.md").read_text()
    assert "| vowels | rmse, lower is better | finetune | guided |" in table
    assert "guided - none" in table
    figures = json.loads((out / "results.json").read_text())
    assert figures["rows"][0]["mean"] == first.rows[0].mean

    again = benchmark(str(path), out=out, arms=["none"], tell=lines.append)
    assert len(lines) == 2 + 6  # what the suite can see is told once, since nothing is left to run
    assert again.rows == first.rows


def test_two_benchmarks_do_not_write_to_one_folder(toy, tmp_path, run_sma):
    path, out = small(tmp_path, arms="['none']"), tmp_path / "out"
    out.mkdir()
    with locked_folder(out, "sma benchmark"):
        refused = run_sma("benchmark", path, "--out", out)
    assert refused.returncode == 2
    assert f"{out} is in use by another sma benchmark" in refused.stderr
    assert [file.name for file in out.iterdir()] == [".lock"]


def test_every_command_can_be_repeated_by_hand_to_the_same_figure(toy, tmp_path, run_sma):
    path, out = small(tmp_path, arms="['none']"), tmp_path / "out"
    benchmark(str(path), out=out)
    *_, command = (out / "commands.sh").read_text().splitlines()
    words = shlex.split(command.replace("$SUITE", str(out)))
    words[words.index("--out") + 1] = str(tmp_path / "by-hand")
    assert run_sma(*words[1:]).returncode == 0
    (cell,) = (out / "cells" / "vowels").iterdir()
    by_hand, ran = (json.loads((run / "results.json").read_text()) for run in (tmp_path / "by-hand", cell))
    assert by_hand["test"] == ran["test"]


def test_a_cell_that_fails_is_told_and_the_others_run(toy, tmp_path, run_sma):
    path = small(tmp_path, arms="['none']", runs=f"{{empty = '{tmp_path}/empty'}}")
    (tmp_path / "empty" / "checkpoints").mkdir(parents=True)
    printed = run_sma("benchmark", path, "--out", tmp_path / "out")
    assert printed.returncode == 1
    assert "vowels, empty, seed 0" in printed.stderr
    assert "is not a run folder" in printed.stderr
    assert "1 cell done, 1 missing" in printed.stdout


def test_only_what_is_wanted_is_run_and_unknown_names_are_refused(toy, tmp_path):
    whole = plan_benchmark("toy:words", out=tmp_path)
    assert len(whole.pretrainings) == 2
    part = plan_benchmark("toy:words", out=tmp_path, arms=["none"], seeds=[1])
    assert (len(part.pretrainings), len(part.cells)) == (0, 2)
    for wanted, said in (({"tasks": ["vowel"]}, "no task 'vowel'"), ({"seeds": [7]}, "no seed 7")):
        with pytest.raises(ConfigError, match=said):
            plan_benchmark("toy:words", out=tmp_path, **wanted)


def test_a_suite_that_is_not_there_is_one_sentence(toy, tmp_path, run_sma):
    for suite, said in (
        ("toy:word", "did you mean 'words'?"),
        ("toy:nothing", "there are words"),
        ("words", "domain:name"),
        ("nothing.toml", "cannot read the settings file nothing.toml"),
    ):
        printed = run_sma("benchmark", suite)
        assert printed.returncode == 2
        assert said in printed.stderr
        assert "Traceback" not in printed.stderr
    printed = run_sma("benchmark", "toy:words", "--seeds", "one")
    assert (printed.returncode, "comma-separated integers" in printed.stderr) == (2, True)


def test_a_dry_run_prints_commands_and_runs_nothing(toy, tmp_path, run_sma):
    printed = run_sma("benchmark", "toy:words", "--out", tmp_path / "out", "--dry-run", "--seeds", "0")
    assert printed.returncode == 0
    assert printed.stdout.count("sma train ") == 2
    assert printed.stdout.count("sma finetune ") == 6
    assert not (tmp_path / "out").exists()
    assert not list(Path(os.environ["SMA_CACHE"]).iterdir())


def test_sigterm_stops_the_commands_and_the_same_call_goes_on(toy, tmp_path):
    path, out = small(tmp_path, arms="['none']"), tmp_path / "out"
    text = path.read_text().replace("training.epochs = 1.0", "training.epochs = 400.0")
    path.write_text(f'{text}\n[baselines]\nguess = "toy_domain.guesses:count_vowels"\n')
    benchmark(str(path), out=out, arms=["guess"])
    (out / "table.md").unlink()

    def stop_when_it_trains() -> None:
        while not list(out.glob("cells/vowels/*/checkpoints/step-*")):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_when_it_trains, daemon=True).start()
    with pytest.raises(StoppedOnRequest, match="to resume it"):
        benchmark(str(path), out=out)
    (cell,) = (out / "cells" / "vowels").glob("none-*")
    assert not (cell / "results.json").exists()
    assert list((cell / "checkpoints").glob("step-*"))
    assert "| guess |" in (out / "table.md").read_text()  # what was done before


def test_a_baseline_sees_no_label_of_the_test(toy):
    registry = Registry.load(toy)
    results = run_baseline(registry, "toy_domain.guesses:count_vowels", "tiny", "vowels", {"split.seed": 3})
    from toy_domain.guesses import SEEN

    rows = SEEN[-1]
    assert results["test"]["rmse"] == 0.0
    assert results["valid"]["rmse"] == 0.0
    known = ~np.isnan(rows.labels[:, 0])
    assert known.sum() == len(rows.train) + len(rows.valid) == 180
    assert known[rows.train].all()
    assert known[rows.valid].all()


@pytest.mark.parametrize(
    ("function", "error", "said"),
    [
        ("toy_domain.guesses:too_few", PluginError, "200 x 1 predictions, not 3 x 1"),
        ("toy_domain.guesses:not_here", PluginError, "needs a package that is not installed"),
        ("toy_domain.guesses:absent", PluginError, "does not exist"),
    ],
)
def test_a_wrong_baseline_is_one_sentence(toy, function, error, said):
    with pytest.raises(error, match=said):
        run_baseline(Registry.load(toy), function, "tiny", "vowels", {})


def test_the_shipped_suite_of_the_toy_is_read(toy):
    assert read_suite(SHIPPED).tasks["vowels"].paper == 0.5
    with pytest.raises(UserError, match="has no suite"):
        plan_benchmark("toy:other")


def swept(tmp_path: Path) -> Path:
    """Write a suite of three seeds, the first of which picks one of two rates."""
    path = small(tmp_path, arms="['none']", sweep_seeds="[0]")
    text = path.read_text().replace("seeds = [0]\n", "seeds = [0, 1, 2]\n", 1)
    path.write_text(
        text.replace(
            "[tasks.vowels]", '[finetuning.sweep]\n"training.learning_rate" = [1e-3, 3e-3]\n[tasks.vowels]'
        )
    )
    return path


@pytest.mark.full
def test_the_seeds_of_a_sweep_pick_what_the_others_run(toy, tmp_path, run_sma):
    path, out = swept(tmp_path), tmp_path / "out"
    plan = plan_benchmark(str(path), out=out)
    assert (len(plan.cells), plan.unknown) == (2, 2)
    printed = run_sma("benchmark", path, "--out", out, "--dry-run")
    assert "2 cells, and 2 more cells after the sweep" in printed.stderr
    with pytest.raises(ConfigError, match="the sweep on the seeds 0 must finish first"):
        benchmark(str(path), out=out, seeds=[1])

    found = benchmark(str(path), out=out, jobs=2)
    assert (found.done, found.missing, found.failures) == (4, 0, [])
    (row,) = found.rows
    assert row.seeds == (0, 1, 2)
    cells = [json.loads(path.read_text()) for path in out.glob("cells/vowels/*/results.json")]
    assert len(cells) == 4
    again = plan_benchmark(str(path), out=out)
    assert (again.cells, again.done, again.unknown) == ([], 4, 0)


@pytest.mark.full
def test_a_sweep_that_is_half_done_picks_nothing(toy, tmp_path):
    path, out = swept(tmp_path), tmp_path / "out"
    benchmark(str(path), out=out, jobs=2, seeds=[0])
    assert plan_benchmark(str(path), out=out).unknown == 0
    next(out.glob("cells/vowels/*/results.json")).unlink()
    plan = plan_benchmark(str(path), out=out)
    assert (len(plan.cells), plan.unknown) == (1, 2)
