"""`startup`: from Enter to the first answer: help, plugins, and the first step of a training.

Runs take turns. Plugins are packages with a plugin each, written as site-packages holds them. The first step is
seen in the run's curve; data are prepared before, as in every training but a set's first.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.reports import Found, Record
from benchmarks.tables import table
from benchmarks.timing import Spread
from sma_kit import write_distribution

PLUGINS = 50
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import typer": ("-c", "import typer"),
    "import torch": ("-c", "import torch"),
    "sma --help": ("-m", "sma_core", "--help"),
    "sma plugins list": ("-m", "sma_core", "plugins", "list"),
}
FIRST_STEP = ("training.steps=1", "training.evaluate_rows=1", "training.batch_size=8", "training.log_every=1")
COLUMNS = ("what", "plugins beside", "ms (quartiles)")


def install(folder: Path) -> str:
    """Write packages with a plugin each into one folder."""
    for at in range(PLUGINS):
        write_distribution(folder, f"sma-many{at}", {f"many{at}": f"many{at}"}, {f"many{at}.py": ""})
    return str(folder)


def seconds(arguments: tuple[str, ...], place: str) -> float:
    """Time one run of Python with a further folder on its path."""
    environment = os.environ | {"PYTHONPATH": place}
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def first_step(domain: str, run: Path) -> float:
    """Return the seconds until a training of the recipe tiny has logged its first step."""
    given = [text for setting in FIRST_STEP for text in ("--set", setting)]
    command = ["-m", "sma_core", "train", "--domain", domain, "--out", str(run), *given]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    curve = run / "metrics.jsonl"
    while process.poll() is None and not (curve.is_file() and '"loss"' in curve.read_text(encoding="utf-8")):
        time.sleep(0.005)
    taken = time.perf_counter() - began
    if process.wait():
        raise RuntimeError(f"sma train --domain {domain} left with {process.returncode}")
    return taken


def measure(domain: str = "", repeats: int = 15) -> Found:
    """Time every command without and with the plugins, and the first step of ``domain`` where one is named."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        places = {0: "", PLUGINS: install(folder / "site")}
        cases = [(what, plugins) for what in COMMANDS for plugins in places]
        times: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
        steps: list[float] = []
        for round_ in range(repeats + 1):  # the first one warms the file cache and does not count
            taken = {case: seconds(COMMANDS[case[0]], places[case[1]]) for case in cases}
            steps += [first_step(domain, folder / f"run-{round_}")] if domain else []
            for case, value in taken.items():
                times[case] += [value] if round_ else []
    records = [_record(what, plugins, values) for (what, plugins), values in times.items()]
    if domain:
        records.append(_record(f"first step of sma train --domain {domain}", 0, steps[1:]))
    return Found(records, table(COLUMNS, map(_line, records)), repeats)


def _record(what: str, plugins: int, values: list[float]) -> Record:
    spread = Spread.of(values)
    return {
        "name": f"{what}, {plugins} plugins",
        "value": 1 / spread.median,
        "unit": "starts/s",
        "what": what,
        "plugins": plugins,
        "seconds": spread.to_json(),
    }


def _line(record: Record) -> tuple[str, ...]:
    low, median, high = (f"{1e3 * record['seconds'][each]:,.0f}" for each in ("low", "median", "high"))
    return (f"`{record['what']}`", str(record["plugins"]), f"{median} ({low} to {high})")
