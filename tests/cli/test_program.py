"""The program as a user meets it: exit codes, sentences, streams, signals, start-up."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tests.support.matrix import full_but
from tests.support.processes import python


def last_line(text: str) -> str:
    return text.strip().splitlines()[-1]


def test_train_then_finetune_then_predict_each_names_the_next_command(toy, run_sma, tmp_path):
    trained = run_sma("train", "--domain", "toy", "--out", "pre")
    assert trained.returncode == 0, trained.stderr
    assert last_line(trained.stdout) == "next: sma finetune --domain toy --model pre"
    tuned = run_sma(*last_line(trained.stdout).split()[2:], "--out", "tuned")
    assert tuned.returncode == 0, tuned.stderr
    (tmp_path / "new.txt").write_text("kato\n\nbad row\n")
    predicted = run_sma(*last_line(tuned.stdout).replace("FILE", "new.txt").split()[2:])
    assert predicted.returncode == 0, predicted.stderr
    lines = list(csv.DictReader(predicted.stdout.splitlines()))
    assert [line["reason"] for line in lines] == ["", "empty", "not letters only"]
    assert "3 rows, 2 without a value" in predicted.stderr


def test_results_go_to_stdout_as_json_and_progress_to_stderr(toy, run_sma):
    done = run_sma("train", "--domain", "toy", "--out", "pre", "--json")
    assert json.loads(done.stdout)["step"] == 12
    assert "held_out_loss" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train"], "--domain NAME"),
        (["train", "--domain", "tooy"], "did you mean 'toy'?"),
        (["train", "--domain", "toy", "--data", "nothing.txt"], "there is no file nothing.txt"),
        (["train", "--domain", "toy", "--data", "wrods"], "did you mean 'words'?"),
        (["train", "--domain", "toy", "--data", "absent"], "put the file absent.txt"),
        (["train", "--domain", "toy", "--data", "picture.png"], "no reader serves this kind of file"),
        (["train", "--domain", "toy", "--data", "empty.txt"], "holds no rows"),
        (["train", "--domain", "toy", "--set", "training.stps=3"], "did you mean 'training.steps'?"),
        (["train", "--domain", "toy", "--set", "training.steps=few"], "cannot be 'few' (from the command line)"),
        (["train", "--domain", "toy", "--set", "training.steps"], "must look like section.name=value"),
        (["train", "--domain", "toy", "--recipe", "huge"], "there are tiny"),
        (["train", "--domain", "toy", "--config", "no.toml"], "cannot read the settings file no.toml"),
        (["train", "--domain", "toy", "--set", "training.device=gpu"], "use auto, cpu, cuda or cuda:N"),
        (["train", "--domain", "toy", "--data", "three.txt"], "1 of the 3 rows"),
        (["finetune", "--domain", "toy", "--task", "vowls"], "did you mean 'vowels'?"),
        (["finetune", "--domain", "toy", "--model", "nowhere"], "nowhere is not a run folder"),
        (["predict", "--model", "nowhere", "three.txt"], "nowhere is not a run folder"),
    ],
)
def test_an_error_of_the_user_is_one_sentence_and_leaves_nothing(toy, run_sma, tmp_path, arguments, sentence):
    (tmp_path / "empty.txt").touch()
    (tmp_path / "picture.png").touch()
    (tmp_path / "three.txt").write_text("kato\nmi7re\nsulan\n")
    before = {path.name for path in tmp_path.iterdir()}
    done = run_sma(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert "Traceback" not in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == before


def test_debug_shows_the_traceback_too(toy, run_sma):
    done = run_sma("train", "--domain", "toy", "--data", "nothing.txt", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "error: there is no file nothing.txt" in done.stderr


def test_max_rejected_decides_whether_bad_rows_stop_the_run(toy, run_sma, tmp_path):
    rows = ["kato", "mire", "sulan", "vexto"] * 24 + ["bad 1", "bad 2", "bad 3"]
    (tmp_path / "rows.txt").write_text("\n".join(rows))
    done = run_sma("train", "--domain", "toy", "--data", "rows.txt", "--out", "run")
    assert done.returncode == 0, done.stderr
    assert "3 set aside" in done.stdout
    rejected = [json.loads(line) for line in (tmp_path / "run" / "rejected.jsonl").read_text().splitlines()]
    assert [(line["row"], line["reason"]) for line in rejected] == [(n, "not letters only") for n in (97, 98, 99)]
    refused = run_sma("train", "--domain", "toy", "--data", "rows.txt", "--max-rejected", "0.01")
    assert refused.returncode == 2
    assert "3 of the 99 rows" in refused.stderr


def interrupted(tmp_path, number: int) -> int:
    """Start a long run, send it a signal once it trains, and return its exit status."""
    verb = ["train", "--domain", "toy", "--out", "run"]
    long = ["--set", "training.steps=100000", "--set", "training.checkpoint_every=20"]
    process = subprocess.Popen(
        [sys.executable, "-m", "sma_core", *verb, *long],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 90
    while not (tmp_path / "run" / "checkpoints" / "latest").exists():
        assert time.monotonic() < deadline, "the run never saved a checkpoint"
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    process.send_signal(number)
    process.communicate(timeout=60)
    return process.returncode


@pytest.mark.parametrize("number", full_but([signal.SIGTERM], [signal.SIGINT, signal.SIGTERM]))
def test_a_signal_saves_and_leaves_with_75_and_a_bare_resume_goes_on(toy, run_sma, tmp_path, number):
    assert interrupted(tmp_path, number) == 75
    stopped = int((tmp_path / "run" / "checkpoints" / "latest").read_text().strip().removeprefix("step-"))
    done = run_sma(
        "train", "--domain", "toy", "--out", "run", "--resume", "--set", f"training.steps={stopped + 3}"
    )
    assert done.returncode == 0, done.stderr
    assert f"resuming: 16,294 parameters on cpu in fp32, steps {stopped:,} to {stopped + 3:,}" in done.stderr


@pytest.mark.full
def test_kill_9_and_resume_auto_give_the_curve_of_an_uninterrupted_run(toy, run_sma, tmp_path):
    assert interrupted(tmp_path, signal.SIGKILL) == -signal.SIGKILL
    steps = int((tmp_path / "run" / "checkpoints" / "latest").read_text().strip().removeprefix("step-")) + 30
    length = ["--set", f"training.steps={steps}", "--set", "training.schedule=constant"]
    assert run_sma("train", "--domain", "toy", "--out", "whole", *length).returncode == 0
    done = run_sma("train", "--domain", "toy", "--out", "run", "--resume", "auto", *length[:2])
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    logged = [line["step"] for line in lines if "loss" in line]
    assert logged == list(range(1, steps + 1))


def test_help_and_plugins_list_import_nothing_heavy(toy):
    code = (
        "import sys\nfrom sma_core.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'pyarrow', 'sklearn', 'scipy', 'rdkit', 'toy_domain'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for arguments in (["--help"], ["plugins", "list"], ["train", "--help"], ["config", "show", "--help"]):
        done = python("-c", code, *arguments)
        assert done.returncode == 0, done.stderr


def test_config_show_tells_where_each_value_came_from(toy, run_sma, tmp_path, monkeypatch):
    monkeypatch.setenv("SMA_TRAINING__STEPS", "7")
    (tmp_path / "mine.toml").write_text("[masking]\nratio = 0.2\n")
    done = run_sma(
        "config", "show", "--domain", "toy", "--config", "mine.toml", "--set", "model.layers=3", "--json"
    )
    shown = json.loads(done.stdout)
    assert shown["masking.ratio"] == {"value": 0.2, "from": "mine.toml"}
    assert shown["model.layers"] == {"value": 3, "from": "the command line"}
    assert shown["training.steps"] == {"value": 7, "from": "the environment"}
    assert shown["model.latents"] == {"value": 8, "from": "recipe tiny"}
    assert shown["training.weight_decay"]["from"] == "default"


def test_dry_run_prints_settings_parameters_and_steps_and_writes_nothing(toy, run_sma, tmp_path):
    done = run_sma("train", "--domain", "toy", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "parameters: 16,294" in done.stdout
    assert last_line(done.stdout) == "steps: 12"
    assert not list(tmp_path.iterdir())


def test_a_recovery_command_works_without_plugins(toy, run_sma):
    done = run_sma("--no-plugins", "plugins", "list")
    assert "disabled" in done.stdout
    refused = run_sma("--no-plugins", "train", "--domain", "toy")
    assert refused.returncode == 2
    assert "is disabled" in refused.stderr


def completed(words: str) -> list[str]:
    """Return what a shell offers for the last word of a line."""
    environment = os.environ | {"_SMA_COMPLETE": "complete_bash", "COMP_WORDS": words}
    environment |= {"COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "sma_core"], capture_output=True, text=True, env=environment, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_a_shell_completes_commands_and_options():
    assert completed("sma tr") == ["train"]
    assert completed("sma config s") == ["show", "schema"]
    assert "--resume" in completed("sma train --re")
    assert completed("sma nothing --re") == []


def test_the_program_without_arguments_is_its_help(run_sma):
    bare, asked = run_sma(), run_sma("--help")
    assert "Commands:" in bare.stdout + bare.stderr
    assert "Traceback" not in bare.stderr
    assert "--install-completion" in asked.stdout
