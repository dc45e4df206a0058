"""`startup`: time to the first output of the program: help, plugin list, and first training step.

Runs alternate. Plugins are generated packages, each with a plugin and a command. The first step is detected in
``metrics.jsonl``; the data were prepared by the untimed first round.
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
BARE = """
import typer
app = typer.Typer(add_completion=False, rich_markup_mode=None)
app.command("one")(lambda: None)
app.command("two")(lambda: None)
app(["--help"])
"""
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import typer": ("-c", "import typer"),
    "a bare typer program --help": ("-c", BARE),
    "import torch": ("-c", "import torch"),
    "sma --help": ("-m", "sma_core", "--help"),
    "sma plugins list": ("-m", "sma_core", "plugins", "list"),
}
FIRST_STEP = ("training.steps=1", "training.evaluate_rows=1", "training.batch_size=8", "training.log_every=1")
COLUMNS = ("what", "plugins beside", "ms (quartiles)")


def install(folder: Path) -> str:
    """Write `PLUGINS` packages, each with a plugin and a command, into a folder."""
    for number in range(PLUGINS):
        name = f"many{number}"
        command = {f"{name}: Do thing {number}.": f"{name}:run"}
        write_distribution(folder, f"sma-{name}", {name: name}, {f"{name}.py": ""}, commands=command)
    return str(folder)


def seconds(arguments: tuple[str, ...], folder: str) -> float:
    """Time one run of Python with ``folder`` on its path."""
    environment = os.environ | {"PYTHONPATH": folder}
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def first_step(domain: str, run: Path) -> float:
    """Return the seconds until a training with the default recipe has logged its first step."""
    settings = [text for setting in FIRST_STEP for text in ("--set", setting)]
    command = ["-m", "sma_core", "train", "--domain", domain, "--out", str(run), *settings]
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    curve = run / "metrics.jsonl"
    while process.poll() is None and not (curve.is_file() and '"loss"' in curve.read_text(encoding="utf-8")):
        time.sleep(0.005)
    taken = time.perf_counter() - start
    if process.wait():
        raise RuntimeError(f"sma train --domain {domain} exited with status {process.returncode}")
    return taken


def measure(domain: str = "", repeats: int = 15) -> Found:
    """Time every command with and without plugins, and the first training step of ``domain``, if set."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folders = {0: "", PLUGINS: install(folder / "site")}
        cases = [(what, plugins) for what in COMMANDS for plugins in folders]
        times: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
        steps: list[float] = []
        for round_ in range(repeats + 1):  # the first round warms the file cache and is not timed
            taken = {case: seconds(COMMANDS[case[0]], folders[case[1]]) for case in cases}
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
    low, median, high = (f"{1e3 * record['seconds'][key]:,.0f}" for key in ("low", "median", "high"))
    return (f"`{record['what']}`", str(record["plugins"]), f"{median} ({low} to {high})")
