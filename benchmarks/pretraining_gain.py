"""Does pre-training help? Fine-tune from runs and from random weights, over tasks and seeds.

    python benchmarks/pretraining_gain.py RUN --tasks esol freesolv --split scaffold-balanced --out runs/gain
    python benchmarks/pretraining_gain.py --domain protein --tasks stability --set split.train_rows=3000

Every arm gets the same learning rates; the one with the best mean validation figure over the seeds is
chosen for the arm, and only its test figures are printed. Seeds change the split (where it has a seed, and which
rows a subset takes) and the weights. A cell whose run folder is finished is not run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sma_core
from sma_core.config.layers import flatten, parse_assignments


def cell(arguments: argparse.Namespace, run: Path | None, task: str, rate: float, seed: int) -> dict[str, Any]:
    """Fine-tune one cell, or read its result when it was done before."""
    arm = "none" if run is None else run.name
    folder = arguments.out / f"{arm}-{task}-{rate:g}-{seed}"
    results = folder / "results.json"
    if not results.is_file():
        settings = dict(flatten(parse_assignments(arguments.settings)))
        settings |= {"training.learning_rate": rate, "training.seed": seed, "split.seed": seed}
        if arguments.split is not None:
            settings["split.name"] = arguments.split
        sma_core.finetune(
            arguments.domain,
            model=run,
            task=task,
            recipe="tiny",
            settings=settings,
            out=folder,
            resume="auto",
        )
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    return found


def lines(arguments: argparse.Namespace) -> Iterator[str]:
    """Yield one table row for each task and arm."""
    rates, seeds = arguments.learning_rates, arguments.seeds
    for task in arguments.tasks:
        for run in (None, *arguments.runs):
            found = {rate: [cell(arguments, run, task, rate, seed) for seed in seeds] for rate in rates}
            metric = found[rates[0]][0]["metric"]
            sign = -1.0 if metric in ("rmse", "mae") else 1.0
            valid = {rate: statistics.mean(c["valid"][metric] for c in found[rate]) for rate in rates}
            rate = max(valid, key=lambda rate: sign * valid[rate])
            arm = "random weights" if run is None else run.name
            for shown in dict.fromkeys([metric, *arguments.also]):
                if shown not in found[rate][0]["test"]:
                    continue
                tests = [c["test"][shown] for c in found[rate]]
                figures = f"{statistics.mean(tests):.3f} ± {statistics.stdev(tests):.3f}"
                each = ", ".join(f"{value:.3f}" for value in tests)
                held = statistics.mean(c["valid"][shown] for c in found[rate])
                yield f"| {task} | {shown} | {arm} | {rate:g} | {held:.3f} | {figures} | {each} |"


def main() -> None:
    """Read the arguments, run the cells, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, help="pre-trained runs")
    parser.add_argument("--domain", default="chem")
    parser.add_argument("--tasks", nargs="+", default=["esol", "freesolv"])
    parser.add_argument("--split", help="a splitter; empty: the task's own split")
    parser.add_argument("--also", nargs="*", default=[], help="further metrics to print")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="A.B=VALUE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--learning-rates", nargs="+", type=float, default=[3e-4, 1e-3])
    parser.add_argument("--out", type=Path, default=Path("runs/gain"))
    arguments = parser.parse_args()
    print("| task | metric | from | learning rate | validation | test, mean ± std | each seed |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for line in lines(arguments):
        print(line, flush=True)


if __name__ == "__main__":
    main()
