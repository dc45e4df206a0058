"""Suites with the authors' protocol: no validation figures, no sweep, and baselines that keep their validation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sma_bench.benchmark import benchmark, plan_benchmark
from sma_bench.comparison import CellResult, chosen_rows
from sma_bench.probe import probe
from sma_core.errors import ConfigError

SUITE = """
summary = "small"
domain = "toy"
seeds = [0]
arms = ["none"]
[finetuning.settings]
training.epochs = 1.0
split.protocol = "authors"
[tasks.vowels]
[baselines]
counted = "toy_domain.guesses:count_vowels"
"""
SWEEP = "[finetuning.sweep]\n'training.learning_rate' = [0.1, 0.2]\n"


def written(folder: Path, text: str) -> str:
    path = folder / "suite.toml"
    path.write_text(text)
    return str(path)


def test_the_table_has_no_validation_figure_and_names_the_protocol(toy, tmp_path):
    out = tmp_path / "out"
    found = benchmark(written(tmp_path, SUITE), out=out)
    assert (found.done, found.failures) == (2, [])
    rows = {row.arm: row for row in found.rows}
    assert rows["none"].valid == (None,)
    assert rows["counted"].valid == (0.0,)
    table = (out / "table.md").read_text()
    (line,) = [
        line
        for line in table.splitlines()
        if line.startswith("| vowels | rmse, lower is better | finetune | none |")
    ]
    assert line.split(" | ")[4:6] == ["-", "-"]
    note = "Without a validation figure (last epoch, no validation: the authors' protocol): vowels (none)."
    assert note in table.splitlines()
    results = {
        path.parent.name.split("-")[0]: json.loads(path.read_text()) for path in out.glob("cells/*/*/results.json")
    }
    assert results["none"]["rows"] == {"train": 180, "valid": 0, "test": 20}
    assert results["counted"]["rows"] == {"train": 160, "valid": 20, "test": 20}


@pytest.mark.parametrize("recipe", ["", "recipe = 'tiny'\n"])
def test_a_sweep_needs_validation_before_anything_is_trained(toy, tmp_path, recipe):
    path = written(tmp_path, recipe + SUITE + SWEEP)
    with pytest.raises(ConfigError, match="vowels: a sweep chooses a value on validation rows"):
        plan_benchmark(path, out=tmp_path / "out")
    usual = written(tmp_path, recipe + SUITE.replace('"authors"', '"validation"') + SWEEP)
    assert len(plan_benchmark(usual, out=tmp_path / "out").cells) == 3


def test_variants_without_validation_cannot_be_compared():
    cells = [CellResult("t", "a", 0, {"x": value}, None, 1.0) for value in (1, 2)]
    with pytest.raises(ConfigError, match="a sweep chooses a value on validation rows"):
        chosen_rows(cells, {"t": "rmse"}, {"t": False})
    assert chosen_rows(cells[:1], {"t": "rmse"}, {"t": False})[0].valid == (None,)


def test_a_probe_needs_validation_rows(toy):
    with pytest.raises(ConfigError, match="a probe chooses its setting on validation rows"):
        probe(toy, random_weights=True, task="vowels", settings={"split.protocol": "authors"})


def test_settings_that_do_not_fit_are_left_to_their_cell(toy, tmp_path):
    path = written(tmp_path, SUITE + SWEEP.replace("[0.1, 0.2]", "[-1.0, -2.0]"))
    assert len(plan_benchmark(path, out=tmp_path / "out").cells) == 3
