"""`curves`: learning curves in bf16 and fp32 over several seeds, on a recipe's data set.

Each run is a process of ``sma train`` with one thread; as many run in parallel as there are cores.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.reports import Found, Record
from benchmarks.tables import table
from sma_core.training.reporting.metrics_file import read_metrics

FIGURE = "held_out_random_loss"
PRECISIONS = ("fp32", "bf16")
COLUMNS = ("step", "fp32, mean ± std", "bf16, mean ± std", "bf16 - fp32, same seed: mean (least to most)")


def measure(domain: str, recipe: str, steps: int, seeds: int, every: int, strategy: str = "") -> Found:
    """Train with each precision and seed, and return the held-out losses under random masks.

    ``strategy`` is the masking strategy of the training. Default: the recipe's.
    """
    settings: dict[str, object] = {
        "training.steps": steps,
        "training.evaluate_every": every,
        "training.checkpoint_every": steps,
    }
    settings |= {"masking.strategy": strategy} if strategy else {}
    with tempfile.TemporaryDirectory() as folder:
        runs = {(p, seed): Path(folder) / f"{p}-{seed}" for seed in range(seeds) for p in PRECISIONS}
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            futures = [
                pool.submit(
                    _train, run, domain, recipe, {**settings, "training.precision": p, "training.seed": seed}
                )
                for (p, seed), run in runs.items()
            ]
            for future in futures:
                future.result()
        losses = {run: _curve(path) for run, path in runs.items()}
    records: list[Record] = [
        {
            "name": f"{domain}, {precision}, seed {seed}, step {step}",
            "value": value,
            "unit": "loss",
            "precision": precision,
            "seed": seed,
            "step": step,
        }
        for (precision, seed), curve in losses.items()
        for step, value in curve.items()
    ]
    return Found(records, table(COLUMNS, lines(records)), seeds)


def lines(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """Return the table rows, one per evaluated step."""
    rows = []
    for step in sorted({record["step"] for record in records}):
        values = {p: _by_seed(records, p, step) for p in PRECISIONS}
        differences = [values["bf16"][seed] - values["fp32"][seed] for seed in values["fp32"]]
        cells = [_spread(list(values[p].values())) for p in PRECISIONS]
        difference = f"{statistics.mean(differences):+.4f} ({min(differences):+.4f} to {max(differences):+.4f})"
        rows.append((f"{step:,}", *cells, difference))
    return rows


def draw(records: Sequence[Record], title: str, path: Path) -> None:
    """Plot all curves with matplotlib; the file is reproducible."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "curves", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.subplots()
        for precision, style in zip(PRECISIONS, ("C0-", "C1--"), strict=True):
            for seed in sorted({record["seed"] for record in records}):
                own = [r for r in records if (r["precision"], r["seed"]) == (precision, seed)]
                label = precision if seed == 0 else None
                axes.plot([r["step"] for r in own], [r["value"] for r in own], style, label=label, linewidth=1)
        axes.set(xlabel="step", ylabel="held-out loss, random masks")
        axes.set_title(title, fontsize=7)
        axes.legend()
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _train(run: Path, domain: str, recipe: str, settings: Mapping[str, object]) -> None:
    command = [
        sys.executable,
        "-m",
        "sma_core",
        "train",
        "--domain",
        domain,
        "--recipe",
        recipe,
        "--out",
        str(run),
    ]
    command += [text for name, value in settings.items() for text in ("--set", f"{name}={value}")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} exited with status {done.returncode}: {done.stderr[-500:]}")


def _curve(run: Path) -> dict[int, float]:
    return {line["step"]: line[FIGURE] for line in read_metrics(run / "metrics.jsonl") if FIGURE in line}


def _by_seed(records: Sequence[Record], precision: str, step: int) -> dict[int, float]:
    return {r["seed"]: r["value"] for r in records if (r["precision"], r["step"]) == (precision, step)}


def _spread(values: Sequence[float]) -> str:
    deviation = f" ± {statistics.stdev(values):.4f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.4f}{deviation}"
