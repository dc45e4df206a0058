"""`kill -9` of a benchmark: its trainings end with it, and the same command goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sma_core.training.reporting.metrics_file import read_metrics
from tests.support.descendants import descendants, wait_for_the_end_of, wait_until

SUITE = """
summary = 'small'
domain = 'toy'
seeds = [0]
arms = ['guided']
[pretraining.settings]
training.steps = 100
training.log_every = 1
training.checkpoint_every = 10
[finetuning.settings]
training.epochs = 1.0
[tasks.vowels]
"""


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="the system lists no processes")
def test_cells_end_with_the_benchmark_and_the_same_command_goes_on(toy, tmp_path):
    (tmp_path / "suite.toml").write_text(SUITE)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "sma_core", "benchmark", str(tmp_path / "suite.toml"), "--out", str(out)]
    process = subprocess.Popen(command)

    def has_begun() -> bool:
        return process.poll() is not None or any(
            len(read_metrics(path)) >= 12 for path in out.glob("pretraining/*/metrics.jsonl")
        )

    wait_until(has_begun, "no training began")
    below = descendants(process.pid)
    assert process.poll() is None
    assert below
    process.kill()
    process.wait()
    wait_for_the_end_of(below)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (log,) = (out / "log").glob("guided*.txt")
    assert "steps 0 to 100" not in log.read_text()  # it went on from a checkpoint
