"""One rank against two on this machine: samples a second, difference of the loss, peak memory of a rank.

    python benchmarks/ranks.py [--domain chem] [--recipe paper] [--source nci] [--set model.layers=24] …

Every run has the same batches and masks, and `--threads` threads a rank, so two ranks have twice as many: one rank
is measured with as many threads too. Dropout is off, since each rank drops what its own seed says. Memory is the
largest resident set (VmHWM) of any rank, of Linux.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = {
    "1 rank": (1, "auto", 1),
    "1 rank, twice the threads": (1, "auto", 2),
    "2 ranks, ddp": (2, "ddp", 1),
    "2 ranks, fsdp": (2, "fsdp", 1),
}
"""Ranks, strategy, and threads of a rank as a multiple of `--threads`."""


def main() -> None:
    """Run all and print a table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--domain", default="chem")
    options.add_argument("--recipe", default="paper")
    options.add_argument("--source", default="", help="rows; empty: the recipe's")
    options.add_argument("--set", action="append", default=[], help="a setting of the training")
    options.add_argument("--only", default="", help="part of the names of the runs that are wanted")
    options.add_argument("--steps", type=int, default=6)
    options.add_argument("--batch-size", type=int, default=8)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--precision", default="fp32")
    chosen = options.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {vars(chosen)}")
    print("| run | samples/s | peak memory of a rank | largest difference of the loss |")
    print("| --- | ---: | ---: | ---: |")
    first: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (devices, strategy, times) in RUNS.items():
            if chosen.only not in name:
                continue
            run = Path(folder) / name.replace(" ", "-").replace(",", "")
            peak = measured(run, chosen, devices, strategy, times * chosen.threads)
            losses, rate = figures(run)
            first = first or losses
            apart = max(abs(losses[step] - first[step]) for step in first)
            print(f"| {name} | {rate:.1f} | {peak:,.0f} MB | {apart:.1e} |", flush=True)


def measured(run: Path, chosen: argparse.Namespace, devices: int, strategy: str, threads: int) -> float:
    """Train, and return the largest resident set of a rank in MB."""
    settings = {
        "training.steps": chosen.steps,
        "training.batch_size": chosen.batch_size,
        "training.precision": chosen.precision,
        "training.strategy": strategy,
        "training.log_every": 1,
        "training.evaluate_rows": 8,
        "training.evaluate_every": chosen.steps,
        "training.checkpoint_every": chosen.steps,
        "model.dropout": 0.0,
    }
    settings |= {"data.source": chosen.source} if chosen.source else {}
    command = [sys.executable, "-m", "sma_core", "train", "--domain", chosen.domain, "--recipe", chosen.recipe]
    command += [text for setting, value in settings.items() for text in ("--set", f"{setting}={value}")]
    command += [text for given in chosen.set for text in ("--set", given)]
    command += ["--out", str(run), "--devices", str(devices)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max([peak, *(resident(rank) for rank in ranks_of(process.pid))])
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} left with {process.returncode}")
    return peak


def ranks_of(process: int) -> list[int]:
    """Return the processes that train: those below ``process``, or itself where there are none."""
    try:
        below = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    found = [rank for child in below for rank in ranks_of(int(child))]
    return found or [process]


def resident(process: int) -> float:
    """Return the largest resident set of a process so far in MB, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def figures(run: Path) -> tuple[dict[int, float], float]:
    """Return the loss of each step, and the median rate without the first step."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "loss" in line]
    rate = statistics.median(line["samples_per_second"] for line in steps[1:])
    return {line["step"]: line["loss"] for line in steps}, rate


if __name__ == "__main__":
    main()
