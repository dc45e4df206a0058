"""Fine-tuned runs that an earlier sma-core 0.1 wrote give the predictions and figures recorded then."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import sma_core

RECORDED = Path(__file__).parent / "recorded_runs"


@pytest.mark.parametrize(("run", "rows"), [("words", "words.txt"), ("numbers", "numbers.csv")])
def test_a_run_of_the_first_version_predicts_the_same(toy, tmp_path, run, rows):
    out = tmp_path / "predictions.jsonl"
    sma_core.predict(RECORDED / f"{run}-tuned", RECORDED / rows, out=out)
    now, before = (
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in (out, RECORDED / f"{run}.jsonl")
    )
    assert [line.keys() for line in now] == [line.keys() for line in before]
    for new, old in zip(now, before, strict=True):
        for column, value in old.items():
            assert new[column] == (pytest.approx(value, abs=1e-5) if isinstance(value, float) else value)


@pytest.mark.parametrize("run", ["words", "numbers"])
def test_a_run_of_the_first_version_is_evaluated_on_the_same_rows(toy, run):
    recorded = json.loads((RECORDED / f"{run}-tuned" / "results.json").read_text(encoding="utf-8"))
    result = sma_core.evaluate(RECORDED / f"{run}-tuned", bootstrap=0)
    assert result.rows == recorded["rows"]["test"]
    for name, value in recorded["test"].items():
        assert result.figures[name].value == pytest.approx(value, abs=1e-4)
