"""A suite with probes and few labels runs, and goes on in a folder that was moved."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from sma_bench.benchmark import benchmark, plan_benchmark

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
