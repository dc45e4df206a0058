"""Plot of `growth`: time and memory on logarithmic axes (needs matplotlib)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.growth import series, slope
from benchmarks.reports import Record

KINDS = {False: ("o-", "no checkpointing"), True: ("s--", "activation checkpointing")}


def draw(records: Sequence[Record], title: str, path: Path) -> None:
    """Plot all axes to ``path``; the file is reproducible."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    axes = list(dict.fromkeys(record["axis"] for record in records))
    with mpl.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(2.6 * len(axes) + 0.6, 4.8), layout="constrained")
        figure.suptitle(title, fontsize=8)
        grid = figure.subplots(2, len(axes), squeeze=False, sharex="col")
        for column, axis in enumerate(axes):
            for kind, (style, label) in KINDS.items():
                points = series(records, axis, kind)
                sizes = [point["size"] for point in points]
                milliseconds = [1e3 * point["seconds"]["median"] for point in points]
                memory = [point["step_mb"] for point in points]
                for row, values in enumerate((milliseconds, memory)):
                    legend = f"{label}, exponent {slope(sizes, values):.2f}"
                    grid[row][column].loglog(sizes, values, style, label=legend, markersize=3, linewidth=1)
            grid[1][column].set_xlabel(axis)
            sizes = [record["size"] for record in series(records, axis, False)]
            grid[1][column].set_xticks(sizes, [_short(size) for size in sizes], fontsize=6)
            grid[1][column].minorticks_off()
        for row, label in enumerate(("ms per step", "MB per step")):
            grid[row][0].set_ylabel(label)
            for panel in grid[row]:
                low, high = panel.get_ylim()
                panel.set_ylim(low, high * (high / low) ** 0.3)  # room for the legend
                panel.legend(fontsize=6, loc="upper left", frameon=False)
                panel.grid(which="major", linewidth=0.3)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _short(size: int) -> str:
    """Format a multiple of 1,024 with a k, such as 64k for 65,536."""
    return f"{size // 1024}k" if size >= 1024 and size % 1024 == 0 else str(size)
