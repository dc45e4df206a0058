"""`learn`: learning per CPU hour, for several settings of a recipe trained on the same rows.

An arm is a name and the settings in which it differs from the recipe. Each training is a process with one thread,
which records its own CPU time at every evaluation, so that other processes change it little. The held-out loss is
under random masks, which are the same for all arms. The time includes evaluations, not the preparation of rows.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.reports import Found, Record
from benchmarks.tables import number, table
from sma_core.plugins.events import Evaluated, Event
from sma_core.plugins.hookspecs import hookimpl

FIGURE = "held_out_random_loss"
GOALS = {"chem": 1.0, "protein": 2.86, "physics": 0.65}
"""Held-out loss of each domain that arms are timed to reach, on the rows of the recipe ``tiny``."""


@dataclass(frozen=True)
class Plan:
    """A training: domain, recipe, rows (None: the recipe's), settings, and the folder of the run."""

    domain: str
    recipe: str
    data: str | None
    settings: Mapping[str, Any]
    out: str


@dataclass(frozen=True)
class Point:
    """An evaluation: step, CPU seconds since the first one, and loss."""

    step: int
    seconds: float
    loss: float


class CpuClock:
    """Observer that records the CPU seconds of this process, all threads together, at each evaluation."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self._began: float | None = None

    @hookimpl
    def sma_on_event(self, event: Event) -> None:
        """Append a point for an evaluation."""
        if isinstance(event, Evaluated) and FIGURE in event.metrics:
            now = time.process_time()
            self._began = now if self._began is None else self._began
            self.points.append(Point(event.step, round(now - self._began, 2), event.metrics[FIGURE]))


def parse_arm(text: str) -> tuple[str, dict[str, str]]:
    """Parse ``name: setting=value setting=value``; raises `ValueError` for another form."""
    name, _, rest = text.partition(":")
    settings = dict(part.partition("=")[::2] for part in rest.split())
    if not name.strip() or not settings or not all(settings.values()):
        raise ValueError(f"{text!r} is not of the form 'name: setting=value setting=value'")
    return name.strip(), settings


def measure(
    domain: str,
    recipe: str,
    arms: Mapping[str, Mapping[str, Any]],
    steps: int,
    every: int,
    seeds: int = 1,
    data: str | None = None,
    goal: float | None = None,
    parallel: int = 1,
) -> Found:
    """Train each arm with each seed; return losses and CPU seconds, and the seconds until the loss is ``goal``."""
    always = {"training.steps": steps, "training.evaluate_every": every, "training.checkpoint_every": steps}
    goal = GOALS.get(domain) if goal is None else goal
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(parallel) as pool:
        futures = {}
        for index, (name, settings) in enumerate(arms.items()):
            for seed in range(seeds):
                own = {**always, **settings, "training.seed": seed}
                plan = Plan(domain, recipe, data, own, str(Path(folder) / f"{index}-{seed}"))
                futures[name, seed] = pool.submit(_train_elsewhere, plan)
        curves = {key: future.result() for key, future in futures.items()}
    records: list[Record] = [
        {
            "name": f"{domain}, {name}, seed {seed}, step {point.step}",
            "value": point.loss,
            "unit": "loss",
            "arm": name,
            "seed": seed,
            "step": point.step,
            "cpu_seconds": point.seconds,
        }
        for (name, seed), curve in curves.items()
        for point in curve
    ]
    text = f"{learning_table(records)}\n\n{goal_table(records, goal)}" if goal else learning_table(records)
    return Found(records, text, seeds)


def learning_table(records: Sequence[Record]) -> str:
    """Return a table of the mean loss, ± its standard deviation, and mean CPU seconds of each arm, by step."""
    arms = list(dict.fromkeys(record["arm"] for record in records))
    lines = []
    for step in sorted({record["step"] for record in records}):
        cells = []
        for arm in arms:
            own = [record for record in records if (record["arm"], record["step"]) == (arm, step)]
            cells += [_spread([record["value"] for record in own]), _seconds(own)]
        lines.append((f"{step:,}", *cells))
    return table(("step", *(title for arm in arms for title in (arm, "CPU s"))), lines)


def goal_table(records: Sequence[Record], goal: float) -> str:
    """Return a table of the CPU seconds at the first evaluation with a loss of at most ``goal``, for each arm."""
    lines = []
    for arm in dict.fromkeys(record["arm"] for record in records):
        own = [record for record in records if record["arm"] == arm]
        seeds = sorted({record["seed"] for record in own})
        reached = [_first_below([record for record in own if record["seed"] == seed], goal) for seed in seeds]
        known = [value for value in reached if value is not None]
        lines.append(
            (arm, number(statistics.mean(known)) if known else "not reached", f"{len(known)}/{len(seeds)}")
        )
    return table(("arm", f"CPU seconds until a loss of {goal}", "seeds that reach it"), lines)


def draw(records: Sequence[Record], title: str, path: Path) -> None:
    """Plot loss against CPU minutes with matplotlib; the file is reproducible."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "learn", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.subplots()
        for index, arm in enumerate(dict.fromkeys(record["arm"] for record in records)):
            for seed in sorted({record["seed"] for record in records}):
                own = [record for record in records if (record["arm"], record["seed"]) == (arm, seed)]
                minutes = [record["cpu_seconds"] / 60 for record in own]
                label = arm if seed == 0 else None
                axes.plot(minutes, [record["value"] for record in own], f"C{index}", label=label, linewidth=1)
        axes.set(xlabel="CPU minutes, one thread", ylabel="held-out loss, random masks")
        axes.set_title(title, fontsize=7)
        axes.legend()
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _first_below(curve: Sequence[Record], goal: float) -> float | None:
    return next((record["cpu_seconds"] for record in curve if record["value"] <= goal), None)


def _spread(values: Sequence[float]) -> str:
    if not values:
        return ""
    deviation = f" ± {statistics.stdev(values):.3f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.3f}{deviation}"


def _seconds(own: Sequence[Record]) -> str:
    return f"{statistics.mean(record['cpu_seconds'] for record in own):,.0f}" if own else ""


def _train_elsewhere(plan: Plan) -> list[Point]:
    """Train in a process of its own, with one thread; return the points of its curve."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, "-m", "benchmarks.learn", json.dumps(asdict(plan))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the training {plan.settings} failed: {done.stderr[-500:]}")
    return [Point(**point) for point in json.loads(done.stdout.splitlines()[-1])]


def _train(plan: Plan) -> list[Point]:
    from sma_core.verbs.train import train

    clock = CpuClock()
    train(
        plan.domain,
        recipe=plan.recipe,
        data=plan.data,
        settings=dict(plan.settings),
        out=plan.out,
        observers=[clock],
    )
    return clock.points


if __name__ == "__main__":
    print(json.dumps([asdict(point) for point in _train(Plan(**json.loads(sys.argv[1])))]))
