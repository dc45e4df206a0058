"""How long the program takes to start: `python benchmarks/startup.py`.

Prints the median seconds of `sma --help` and `sma plugins list` with no plugin and with fifty, of Python itself,
and of importing typer alone. Runs take turns, so that whatever else the machine does falls on all.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sma_core.testing import write_distribution

RUNS = 15
PLUGINS = 50
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import typer": ("-c", "import typer"),
    "sma --help": ("-m", "sma_core", "--help"),
    "sma plugins list": ("-m", "sma_core", "plugins", "list"),
}


def seconds(arguments: tuple[str, ...], places: list[str]) -> float:
    """Time one run of Python with further folders on its path."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(places)}
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def install(folder: Path) -> list[str]:
    """Write fifty packages with a plugin each into one folder, as site-packages holds them."""
    for number in range(PLUGINS):
        write_distribution(
            folder, f"sma-many{number}", {f"many{number}": f"many{number}"}, {f"many{number}.py": ""}
        )
    return [str(folder)]


def main() -> None:
    """Time every command without and with the plugins, in turn."""
    with tempfile.TemporaryDirectory() as folder:
        places = {0: [], PLUGINS: install(Path(folder))}
        cases = [(name, count) for name in COMMANDS for count in places]
        times: dict[tuple[str, int], list[float]] = {case: [] for case in cases}
        for run in range(RUNS + 1):  # the first run warms the file cache and does not count
            for name, count in cases:
                taken = seconds(COMMANDS[name], places[count])
                times[name, count] += [taken] if run else []
    print(f"Python {sys.version.split()[0]}; median of {RUNS}, in turn")
    for name in COMMANDS:
        without, within = (statistics.median(times[name, count]) for count in places)
        print(f"{name:18} {without:.3f} s with no plugin, {within:.3f} s with {PLUGINS}")


if __name__ == "__main__":
    main()
