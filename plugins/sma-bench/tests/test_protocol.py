"""A suite with probes and few labels runs, and goes on in a folder that was moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sma_bench.benchmark import benchmark, plan_benchmark
from sma_bench.cells import cells
from sma_bench.find_suite import find_suite
from sma_bench.suite_folder import SuiteFolder

SUITE = """
summary = "small"
domain = "toy"
arms = ["sampled", "none"]
methods = ["finetune", "probe"]
seeds = [0]

[pretraining.settings]
training.steps = 2

[finetuning.settings]
training.epochs = 1.0

[tasks.few]
task = "vowels"
train_rows = [20]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "suite.toml"
    path.write_text(text)
    return path


@pytest.mark.full
def test_probes_of_few_rows_are_rows_of_the_table(toy, tmp_path, run_sma):
    path, out, lines = written(tmp_path, SUITE), tmp_path / "out", []
    plan = plan_benchmark(path, out=out, methods=["probe"], tasks=["few"])
    assert [command.split()[1] for command in (*plan.pretrainings, *plan.cells)] == ["train", "probe", "probe"]
    found = benchmark(path, out=out, jobs=2, tell=lines.append)
    assert (found.done, found.missing, found.failures) == (4, 0, [])
    assert "few, 20 rows (finetune)" in lines[1]
    assert [(row.method, row.arm) for row in found.rows] == [
        ("finetune", "sampled"), ("finetune", "none"), ("probe", "sampled"), ("probe", "none"),
    ]  # fmt: skip
    table = (out / "table.md").read_text()
    assert "| few, 20 rows | rmse, lower is better | probe | sampled |" in table

    results = {
        path.parent.name.split("-0-")[0]: json.loads(path.read_text()) for path in out.glob("cells/*/*/res*")
    }
    assert set(results) == {"sampled", "none", "sampled-probe", "none-probe"}
    assert all(each["rows"]["train"] == 20 and each["task"] == "toy:vowels" for each in results.values())
    assert results["none-probe"]["model"] is None
    assert "sampled-0-" in results["sampled-probe"]["model"]
    assert results["sampled-probe"]["test"] != results["none-probe"]["test"]

    probes = [line for line in (out / "commands.sh").read_text().splitlines() if line.startswith("sma probe")]
    assert len(probes) == 2
    assert sum("--random-weights" in line for line in probes) == 1


@pytest.mark.full
def test_a_suite_goes_on_after_its_folder_was_moved(toy, tmp_path):
    text = SUITE.replace('"sampled", "none"', '"sampled"').replace('"finetune", "probe"', '"finetune"')
    path, old, new = written(tmp_path, text), tmp_path / "old", tmp_path / "new"
    first = benchmark(path, out=old)
    assert first.failures == []
    (cell,) = old.glob("cells/*/*")
    (cell / "results.json").unlink()  # as if it was interrupted before its first checkpoint
    shutil.rmtree(cell / "checkpoints")
    record = json.loads((cell / "model.json").read_text())
    (cell / "model.json").write_text(json.dumps({**record, "finished": False}))
    old.rename(new)

    kept = [path for name in ("settings", "suite.toml", "commands.sh") for path in (new / name).rglob("*")]
    for file in (*kept, new / "suite.toml", new / "commands.sh"):
        assert str(tmp_path) not in file.read_text()
    plan = plan_benchmark(new / "suite.toml", out=new)
    assert (len(plan.pretrainings), len(plan.cells)) == (0, 1)
    again = benchmark(new / "suite.toml", out=new)
    assert (again.done, again.failures) == (1, [])
    assert again.rows == first.rows
    (moved,) = new.glob("cells/*/*")
    assert json.loads((moved / "model.json").read_text())["pretrained"].startswith(str(new))


def test_finished_cells_are_compared_by_pretraining_and_give_the_power(toy, tmp_path, run_sma):
    """Every cell of three pre-trainings and six splits is finished; the splits of a pre-training are averaged."""
    text = SUITE.replace('["sampled", "none"]', '["guided", "random", "none"]').replace('"finetune", ', "")
    text = text.replace("seeds = [0]", "seeds = [0, 1, 2, 3, 4, 5]").replace("[20]", '[20, "all"]')
    text = text.replace("[pretraining.s", "[pretraining]\nseeds = [0, 1, 2]\n[pretraining.s")
    path, out = written(tmp_path, text), tmp_path / "out"
    suite, _, _ = find_suite(str(path))
    folder = SuiteFolder(out, suite)
    gain = {0: 0.3, 1: 0.4, 2: 0.5, 3: 0.5, 4: 0.4, 5: 0.3}  # 0.4 for each pre-training
    for cell in cells(suite):
        figure = 1.0 if cell.arm == "none" else 1.0 - gain[cell.seed]
        figure += 0.01 * (cell.start.seed if cell.arm == "guided" else 0)
        folder.write_baseline(cell, {"metric": "rmse", "valid": {"rmse": 1.0}, "test": {"rmse": figure}})

    found = benchmark(path, out=out)
    assert (found.done, found.missing, found.failures) == (36, 0, [])
    first = {(item.arm, item.other): item for item in found.differences if item.task == "few"}
    gained = first["random", "none"]
    assert (gained.unit, gained.units, gained.seeds, gained.better) == ("pre-training", 3, 6, 6)
    assert gained.mean == pytest.approx(-0.4)
    assert gained.spread == pytest.approx(0.0, abs=1e-12)  # over splits it would be 0.09
    assert first["guided", "random"].spread == pytest.approx(0.01)
    table = (out / "table.md").read_text()
    assert (
        "| few, all rows | rmse | probe | guided - random | +0.010 [-0.015, +0.035] | 3 pre-trainings, 6" in table
    )

    printed = run_sma("benchmark", path, "--out", out, "--dry-run")
    assert (
        "few, 20 rows (probe): rmse 0.028 with 3 pre-trainings; spread 0.01 of guided - random" in printed.stderr
    )
    result = json.loads(run_sma("benchmark", path, "--out", out, "--json").stdout)
    assert [item["difference"] for item in result["power"]] == pytest.approx([0.028, 0.028])
