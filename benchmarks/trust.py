"""Coverage of intervals of 90 %, calibrated probabilities, and the error against the distance to training rows.

    python -m benchmarks.trust [--seeds 3] [--folder runs/trust] [--sets chem:esol,chem:bbbp]

Shipped models are fine-tuned on each set by splits of each seed: at random, and for molecules by scaffold as well.
An existing run in the folder is used again. Intervals are calibrated with validation rows, and test rows are only
scored. For the splits that are not at random, test rows are divided into five equal parts by their distance to the
nearest training row.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyarrow import csv
from scipy.stats import spearmanr

from benchmarks.machine import Machine, commit
from sma_core.verbs.evaluate import evaluate
from sma_core.verbs.finetune import finetune
from sma_core.verbs.predict import predict

LEVEL = 0.9
QUINTILES = 5
SETS = ("chem:esol", "chem:freesolv", "chem:bbbp", "physics:higgs-1k")
SPLITS = {"chem": ("random", "scaffold-balanced"), "physics": ("",)}
"""Splits of each domain; the empty one is the task's own."""


@dataclass(frozen=True)
class Cell:
    """One set, split and seed."""

    domain: str
    task: str
    split: str
    seed: int

    def run(self, folder: Path) -> Path:
        """Fine-tune the shipped model of the domain, unless the run is there; return its folder."""
        out = folder / "-".join(filter(None, (self.domain, self.task, self.split, str(self.seed))))
        if not (out / "results.json").exists():
            settings: dict[str, str | int] = {
                "split.seed": self.seed,
                "training.seed": self.seed,
                "baselines": False,
            }
            settings |= {"split.name": self.split} if self.split else {}
            finetune(self.domain, model=f"{self.domain}:tiny", task=self.task, settings=settings, out=out)
        return out


@dataclass(frozen=True)
class Distances:
    """Distances to the nearest training row (m,), and the errors of test rows (m,)."""

    distances: NDArray[np.float64]
    errors: NDArray[np.float64]


def covered(run: Path) -> dict[str, float]:
    """Return the metrics of a run's test rows, with coverage and size of intervals."""
    kind = json.loads((run / "results.json").read_text(encoding="utf-8"))["kind"]
    add = {"interval": LEVEL} | ({} if kind == "regression" else {"calibrated": True})
    return {name: figure.value for name, figure in evaluate(run, add=add, bootstrap=0).figures.items()}


def distances_of(run: Path) -> Distances:
    """Return the distances and errors of a run's test rows: absolute, or 1 minus the probability of the label."""
    with tempfile.TemporaryDirectory() as folder:
        judged, predicted = Path(folder) / "judged.csv", Path(folder) / "predicted.csv"
        data = evaluate(run, bootstrap=0, predictions=judged).data
        predict(run, data, out=predicted, add={"familiarity": True})
        table, columns = csv.read_csv(judged).to_pydict(), csv.read_csv(predicted).to_pydict()
    label = next(name for name in table if name.startswith("label:"))
    far = dict(zip(columns["row"], columns["familiarity:distance"], strict=True))
    errors = np.abs(np.array(table[label]) - np.array(table[label.removeprefix("label:")]))
    return Distances(np.array([far[row] for row in table["row"]]), errors)


def coverage_table(cells: Sequence[Cell], folder: Path) -> list[str]:
    """Return the table of coverage, one line for each set and split."""
    lines = ["| set | split | coverage of 90 % intervals, each seed | width or size | ECE | calibrated |"]
    lines.append("| --- | --- | --- | --- | --- | --- |")
    for domain, task, split in dict.fromkeys((cell.domain, cell.task, cell.split) for cell in cells):
        seeds = [cell for cell in cells if (cell.domain, cell.task, cell.split) == (domain, task, split)]
        figures = [covered(cell.run(folder)) for cell in seeds]
        shares = ", ".join(f"{of_seed['coverage_90']:.3f}" for of_seed in figures)
        mean = np.mean([of_seed["coverage_90"] for of_seed in figures])
        size = " ".join(_means(figures, name) for name in ("interval_width_90", "set_size_90"))
        errors = (_means(figures, name) for name in ("calibration_error", "calibrated_calibration_error"))
        lines.append(
            f"| {domain}:{task} | {split or 'own'} | **{mean:.3f}** ({shares}) | {size} | {' | '.join(errors)} |"
        )
    return lines


def distance_table(cells: Sequence[Cell], folder: Path) -> list[str]:
    """Return the table of errors by distance: means over the seeds, for each fifth of the test rows."""
    lines = [
        "| set | Spearman of distance and error, each seed | mean error, from the nearest to the farthest fifth |"
    ]
    lines.append("| --- | --- | --- |")
    for domain, task in dict.fromkeys((cell.domain, cell.task) for cell in cells):
        seeds = [distances_of(cell.run(folder)) for cell in cells if (cell.domain, cell.task) == (domain, task)]
        correlations = ", ".join(f"{spearmanr(seed.distances, seed.errors).statistic:.2f}" for seed in seeds)
        fifths = np.mean([[part.mean() for part in _by_distance(seed)] for seed in seeds], axis=0)
        lines.append(f"| {domain}:{task} | {correlations} | {', '.join(f'{mean:.3f}' for mean in fifths)} |")
    return lines


def _by_distance(found: Distances) -> list[NDArray[np.float64]]:
    return np.array_split(found.errors[np.argsort(found.distances, kind="stable")], QUINTILES)


def _means(figures: Sequence[dict[str, float]], name: str) -> str:
    values = [of_seed[name] for of_seed in figures if name in of_seed]
    return f"{np.mean(values):.3f}" if values else ""


def main() -> None:
    """Fine-tune where needed, and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("runs/trust"))
    parser.add_argument("--sets", default=",".join(SETS))
    options = parser.parse_args()
    pairs = [name.split(":") for name in options.sets.split(",")]
    cells = [
        Cell(domain, task, split, seed)
        for domain, task in pairs
        for split in SPLITS[domain]
        for seed in range(options.seeds)
    ]
    print(f"commit {commit()}; {Machine.here().words()}; {options.seeds} seeds")
    print("\n".join(coverage_table(cells, options.folder)), end="\n\n", flush=True)
    print("\n".join(distance_table([cell for cell in cells if cell.split != "random"], options.folder)))


if __name__ == "__main__":
    main()
