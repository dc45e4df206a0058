"""The picture of `growth`: time above, memory below, both axes logarithmic (matplotlib, `sma-view[plot]`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.growth import series, slope
from benchmarks.reports import Record

KINDS = {False: ("o-", "as it is"), True: ("s--", "activation checkpointing")}


def draw(records: Sequence[Record], title: str, path: Path) -> None:
    """Write the picture of all axes to ``path``; the same records give the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    axes = list(dict.fromkeys(record["axis"] for record in records))
    with mpl.rc_context({"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(2.6 * len(axes) + 0.6, 4.8), layout="constrained")
        figure.suptitle(title, fontsize=8)
        grid = figure.subplots(2, len(axes), squeeze=False, sharex="col")
        for column, axis in enumerate(axes):
            for kind, (style, label) in KINDS.items():
                found = series(records, axis, kind)
                sizes = [each["size"] for each in found]
                milliseconds = [1e3 * each["seconds"]["median"] for each in found]
                memory = [each["step_mb"] for each in found]
                for row, values in enumerate((milliseconds, memory)):
                    said = f"{label}, exponent {slope(sizes, values):.2f}"
                    grid[row][column].loglog(sizes, values, style, label=said, markersize=3, linewidth=1)
            grid[1][column].set_xlabel(axis)
            sizes = [each["size"] for each in series(records, axis, False)]
            grid[1][column].set_xticks(sizes, [_short(size) for size in sizes], fontsize=6)
            grid[1][column].minorticks_off()
        for row, label in enumerate(("ms a step", "MB of a step")):
            grid[row][0].set_ylabel(label)
            for each in grid[row]:
                low, high = each.get_ylim()
                each.set_ylim(low, high * (high / low) ** 0.3)  # room for the legend
                each.legend(fontsize=6, loc="upper left", frameon=False)
                each.grid(which="major", linewidth=0.3)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _short(size: int) -> str:
    """Write 65,536 as 64k."""
    return f"{size // 1024}k" if size >= 1024 and size % 1024 == 0 else str(size)
