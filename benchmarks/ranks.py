"""Comparison of one and two ranks on this machine: samples/s, difference of the loss, peak memory per rank.

    python benchmarks/ranks.py [--domain chem] [--recipe paper] [--source nci] [--set model.layers=24] …

All runs have the same batches and masks, and `--threads` threads per rank; one rank is also measured with twice as
many threads. Dropout is off, because its seed depends on the rank. Memory is the largest peak resident memory
(VmHWM, Linux only) of a rank.
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
"""Run -> ranks, strategy, and threads per rank as a multiple of `--threads`."""


def main() -> None:
    """Measure all runs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--domain", default="chem")
    parser.add_argument("--recipe", default="paper")
    parser.add_argument("--source", default="", help="data source (default: the recipe's)")
    parser.add_argument("--set", action="append", default=[], help="a setting NAME=VALUE; repeatable")
    parser.add_argument("--only", default="", help="only runs whose names contain this text")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="fp32")
    options = parser.parse_args()
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores; {vars(options)}")
    print("| run | samples/s | peak memory of a rank | largest difference of the loss |")
    print("| --- | ---: | ---: | ---: |")
    first: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (devices, strategy, times) in RUNS.items():
            if options.only not in name:
                continue
            run = Path(folder) / name.replace(" ", "-").replace(",", "")
            peak = measured(run, options, devices, strategy, times * options.threads)
            losses, rate = figures(run)
            first = first or losses
            difference = max(abs(losses[step] - first[step]) for step in first)
            print(f"| {name} | {rate:.1f} | {peak:,.0f} MB | {difference:.1e} |", flush=True)


def measured(run: Path, options: argparse.Namespace, devices: int, strategy: str, threads: int) -> float:
    """Train, and return the largest peak memory of a rank in MB."""
    settings = {
        "training.steps": options.steps,
        "training.batch_size": options.batch_size,
        "training.precision": options.precision,
        "training.strategy": strategy,
        "training.log_every": 1,
        "training.evaluate_rows": 8,
        "training.evaluate_every": options.steps,
        "training.checkpoint_every": options.steps,
        "model.dropout": 0.0,
    }
    settings |= {"data.source": options.source} if options.source else {}
    command = [sys.executable, "-m", "sma_core", "train", "--domain", options.domain, "--recipe", options.recipe]
    command += [text for setting, value in settings.items() for text in ("--set", f"{setting}={value}")]
    command += [text for setting in options.set for text in ("--set", setting)]
    command += ["--out", str(run), "--devices", str(devices)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max([peak, *(resident(rank) for rank in ranks_of(process.pid))])
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} exited with status {process.returncode}")
    return peak


def ranks_of(process: int) -> list[int]:
    """Return the leaf processes below ``process``, or ``process`` itself if it has no children."""
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    leaves = [rank for child in children for rank in ranks_of(int(child))]
    return leaves or [process]


def resident(process: int) -> float:
    """Return the peak resident memory of a process in MB, or 0 if it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


def figures(run: Path) -> tuple[dict[int, float], float]:
    """Return the loss of each step, and the median samples/s without the first step."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    steps = [line for line in lines if "loss" in line]
    rate = statistics.median(line["samples_per_second"] for line in steps[1:])
    return {line["step"]: line["loss"] for line in steps}, rate


if __name__ == "__main__":
    main()
