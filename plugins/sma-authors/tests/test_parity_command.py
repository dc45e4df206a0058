"""``sma parity`` as a user meets it."""

import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file

FIXTURES = Path(__file__).parent / "parity" / "fixtures"


def test_check_prints_a_line_for_every_tensor_and_ends_well(run_sma):
    done = run_sma("parity", FIXTURES / "discrete-self")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["CASE", "TENSOR", "DIFFERENCE", "TOLERANCE", "VERDICT"]
    recorded = load_file(FIXTURES / "discrete-self" / "outputs.safetensors")
    shown = {line.split()[1] for line in lines[1:-1]}
    assert set(recorded) - {"guided.chosen_queries"} <= shown
    assert lines[-1] == "38 pass, 0 fail, 0 left out"


def test_check_takes_a_folder_of_cases_and_several_at_once(run_sma):
    done = run_sma("parity", "--brief", FIXTURES / "masking", FIXTURES / "continuous-cross")
    assert done.returncode == 0
    assert "continuous-cross " in done.stdout
    assert "left out: cross_varying_zero_queries" in done.stdout


def test_check_leaves_with_one_when_a_tensor_differs(run_sma, tmp_path):
    case = shutil.copytree(FIXTURES / "classification-3class", tmp_path / "a case")
    outputs = load_file(case / "outputs.safetensors")
    save_file(outputs | {"logits": outputs["logits"] + 0.01}, case / "outputs.safetensors")
    done = run_sma("parity", "--json", case)
    assert done.returncode == 1
    failed = [verdict for verdict in json.loads(done.stdout) if verdict["verdict"] == "fail"]
    assert [verdict["tensor"] for verdict in failed] == ["logits"]
    assert failed[0]["difference"] > failed[0]["tolerance"]


def test_check_says_what_is_wrong_with_a_folder(run_sma, tmp_path):
    assert "has no recorded case" in run_sma("parity", tmp_path).stderr
    case = shutil.copytree(FIXTURES / "classification-3class", tmp_path / "case")
    (case / "inputs.safetensors").unlink()
    done = run_sma("parity", case)
    assert done.returncode == 2
    assert "inputs.safetensors cannot be read" in done.stderr


def test_what_rounding_alone_moves_over_the_tolerance_is_judged_in_float64(run_sma, tmp_path):
    case = shutil.copytree(FIXTURES / "discrete-cross", tmp_path / "case")
    exact = json.loads(run_sma("parity", "--json", case).stdout)
    nearest = next(verdict for verdict in exact if verdict["tensor"] == "latents.final")
    outputs = load_file(case / "outputs.safetensors")
    moved = outputs | {"latents.final": outputs["latents.final"] + 20 * nearest["tolerance"]}
    save_file(moved, case / "outputs.safetensors")
    assert run_sma("parity", case).returncode == 1
