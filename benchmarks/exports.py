"""Exported models beside the runs that they were made from: differences, sizes, and rows a second.

    python -m benchmarks.exports RUN… [--rows 256] [--length 48] [--repeats 7]

Each run, a folder or the name of a shipped model, is exported to torch and to ONNX and compared with itself as
`sma export` does. The same batch of made-up rows then goes through the run's own network, the program of
torch.export and the ONNX model in onnxruntime, in turn, with as many threads.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.machine import Machine, commit
from benchmarks.tables import table
from benchmarks.timing import Spread, interleaved
from sma_core.models.loaded_run import LoadedRun
from sma_export.check import own_results
from sma_export.exporting import ExportResult, export_run
from sma_export.formats import ONNX, TORCH, Format
from sma_export.network import example_rows

COLUMNS = ("run", "rows", "format", "MB", "largest difference", "of the largest result", "rows/s (quartiles)")


def measured(run: str, rows: int, length: int, repeats: int) -> list[Sequence[str]]:
    """Return the lines of the table for one run."""
    loaded = LoadedRun.load(Path(run), "cpu")
    arguments = example_rows(loaded, rows, length)
    with tempfile.TemporaryDirectory() as folder:
        formats: dict[str, Format] = {"torch.export": TORCH, "ONNX": ONNX}
        results = {name: export_run(kind, run, Path(folder, kind.name)) for name, kind in formats.items()}
        works: dict[str, Callable[[], object]] = {"sma": lambda: own_results(loaded, arguments)}
        for name, kind in formats.items():
            exported = kind.load(results[name].out / kind.file)
            works[name] = lambda exported=exported: exported(arguments)  # type: ignore[misc]
        times = interleaved(works, torch.device("cpu"), repeats)
    size = f"{rows} of {arguments[0].shape[1]}"
    return [_line(run, size, name, results.get(name), times[name], rows) for name in works]


def _line(
    run: str, size: str, name: str, result: ExportResult | None, times: list[float], rows: int
) -> Sequence[str]:
    speed = Spread.of([rows / seconds for seconds in times])
    spread = f"**{speed.median:,.0f}** ({speed.low:,.0f} to {speed.high:,.0f})"
    if result is None:
        return run, size, name, "", "", "", spread
    compared = result.comparison
    return (
        *(run, size, name, f"{result.size / 1e6:.2f}"),
        *(f"{compared.difference:.1e}", f"{compared.share:.1e}", spread),
    )


def main() -> None:
    """Measure the runs of the command line, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--length", type=int, default=48)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    print(f"{Machine.here().words()}, commit {commit()}\n")
    lines = [line for run in options.runs for line in measured(run, options.rows, options.length, options.repeats)]
    print(table(COLUMNS, lines))


if __name__ == "__main__":
    main()
