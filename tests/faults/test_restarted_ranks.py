"""Ranks that die or are asked to stop, started by torchrun's agent or one by one, as a scheduler does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from sma_core.training.reporting.metrics_file import read_metrics
from tests.support.runs import curve, same, weights

pytestmark = pytest.mark.full
SETTINGS = [
    "training.steps=12",
    "training.checkpoint_every=2",
    "training.log_every=1",
    "training.evaluate_every=12",
]
GIVEN = [text for setting in SETTINGS for text in ("--set", setting)]

DOOMED = """
import os, signal
from sma_core.cli import main
from sma_core.training.loop import Trainer

plain = Trainer._step

def step(self):
    if self.state.step == 7 and os.environ["RANK"] == "1" and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        os.kill(os.getpid(), signal.SIGKILL)
    plain(self)

if os.environ.get("DOOMED"):
    Trainer._step = step
main()
"""


def environment(**more):
    return os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"} | more


def test_a_rank_that_is_killed_under_torchrun_is_started_again_and_the_bits_are_the_same(toy, tmp_path):
    script = tmp_path / "train.py"
    script.write_text(DOOMED)
    for name, doomed in (("whole", ""), ("restarted", "1")):
        agent = ["-m", "torch.distributed.run", "--rdzv-backend", "c10d", "--rdzv-conf", "store_type=file"]
        agent += ["--rdzv-endpoint", str(tmp_path / f"rendezvous-{name}"), "--local-addr", "127.0.0.1"]
        store = {"SMA_STORE": str(tmp_path / f"store-{name}"), "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
        ranks = ["--nproc-per-node", "2", "--max-restarts", "1", str(script)]
        asked = ["train", "--domain", toy, "--out", str(tmp_path / name), "--resume", "auto", *GIVEN]
        done = subprocess.run(
            [sys.executable, *agent, *ranks, *asked],
            env=environment(DOOMED=doomed, **store),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert same(weights(tmp_path / "restarted", 12), weights(tmp_path / "whole", 12))
    assert curve(tmp_path / "restarted") == curve(tmp_path / "whole")


def test_a_signal_to_one_of_two_ranks_started_one_by_one_stops_both_with_75(toy, tmp_path):
    run = tmp_path / "run"
    asked = ["train", "--domain", toy, "--out", str(run), *GIVEN, "--set", "training.steps=4000"]
    ranks = [
        subprocess.Popen(
            [sys.executable, "-m", "sma_core", *asked],
            env=environment(
                RANK=str(rank), WORLD_SIZE="2", LOCAL_RANK=str(rank), SMA_STORE=str(tmp_path / "store")
            ),
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    until = time.monotonic() + 120
    while not any(line.get("step", 0) >= 3 for line in read_metrics(run / "metrics.jsonl")):
        assert time.monotonic() < until
        assert ranks[0].poll() is None
        time.sleep(0.05)
    ranks[1].send_signal(signal.SIGUSR1)
    said = [rank.communicate(timeout=120)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [75, 75]
    assert "its checkpoint is saved" in said[0]
    assert "Traceback" not in said[0] + said[1]
