"""The histograms of an inspection as a picture, drawn by matplotlib (extra ``plot``)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sma_core.errors import DataError, UserError
from sma_core.files import replacing
from sma_core.printable import counted
from sma_view.inspection import Inspection, NumberFigures, TextFigures
from sma_view.tallies import Bin

COLOUR, MARK = "#3b6ea5", "#b5482f"
FEATURES_DRAWN = 60
FEATURES_IN_LINE = 6


def check_plot(path: Path | None) -> None:
    """Raise `UserError` when a plot cannot be written to ``path``, before anything is read."""
    if path is None:
        return
    if path.suffix.lower() != ".png":
        raise UserError(f"{path}: the plot is a PNG file; use a name that ends in .png")
    if find_spec("matplotlib") is None:
        raise UserError("a picture needs matplotlib: pip install 'sma-view[plot]'")


def write_plot(inspection: Inspection, path: Path) -> None:
    """Draw the lengths, or every feature, and write the picture; raises `DataError` when that is not possible."""
    from matplotlib.figure import Figure

    if inspection.text is not None:
        figure = Figure(figsize=(9, 4.5), layout="constrained")
        _draw_lengths(figure.subplots(), inspection, inspection.text)
    elif inspection.numbers is not None:
        figure = _feature_grid(Figure, inspection, inspection.numbers)
    else:
        raise DataError(
            f"none of the {counted(inspection.rows, 'row')} of {inspection.label} can be used: nothing to draw"
        )
    try:
        with replacing(path.resolve()) as temporary:
            figure.savefig(temporary, format="png", dpi=120)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _draw_lengths(axes: Any, inspection: Inspection, text: TextFigures) -> None:  # noqa: ANN401 - matplotlib's
    """Draw the lengths of rows, and where the recipes cut them."""
    bins, rest = text.bins, ""
    regular = bins[0].end - bins[0].start
    if len(bins) > 1 and bins[-1].end - bins[-1].start > regular:
        rest = f", {bins[-1].count:,} longer up to {text.maximum:,}"
        bins = bins[:-1]
    _bars(axes, bins, 1.0)
    limits: dict[int, list[str]] = {}
    for fit in inspection.recipes:
        limits.setdefault(fit.max_length, []).append(fit.recipe)
    right = bins[-1].end + 1
    for most, names in limits.items():
        if bins[0].start < most <= right * 1.1:
            axes.axvline(most + 0.5, color=MARK, linewidth=1, linestyle="--")
            axes.annotate(
                f"{', '.join(names)}: {most:,} ",
                (most + 0.5, 1.0),
                xycoords=("data", "axes fraction"),
                ha="right",
                va="top",
                rotation=90,
                fontsize=8,
                color=MARK,
            )
    axes.set_title(f"{_plain(inspection.label)}: {counted(inspection.usable, 'row')}{rest}", fontsize=10)
    axes.set_xlabel(f"length in ids ({text.tokenizer})")
    axes.set_ylabel("rows")


def _feature_grid(figure_class: Any, inspection: Inspection, numbers: NumberFigures) -> Any:  # noqa: ANN401
    """Draw a small histogram for each feature, in lines of a few."""
    drawn = numbers.features[:FEATURES_DRAWN]
    across = min(len(drawn), FEATURES_IN_LINE)
    lines = -(-len(drawn) // across)
    figure = figure_class(figsize=(max(2.1 * across, 4), 1.6 * lines + 0.6), layout="constrained")
    grid = figure.subplots(lines, across, squeeze=False).flatten()
    for axes, feature in zip(grid, drawn, strict=False):
        _bars(axes, feature.bins)
        missing = f"  ({feature.missing_share:.1%} missing)" if feature.missing else ""
        axes.set_title(_plain(feature.name[:28]) + missing, fontsize=7)
        axes.tick_params(labelsize=6)
        axes.set_yticks([])
    for axes in grid[len(drawn) :]:
        axes.set_axis_off()
    left = f", the first {len(drawn)} features" if len(drawn) < len(numbers.features) else ""
    what = f"{numbers.sample:,} of {inspection.usable:,} rows, from 1 % to 99 %{left}"
    figure.suptitle(f"{_plain(inspection.label)}: {what}", fontsize=9)
    return figure


def _bars(axes: Any, bins: list[Bin], gap: float = 0.0) -> None:  # noqa: ANN401 - matplotlib's
    """Draw bins as bars; ``gap`` is what lies between the end of one and the start of the next."""
    starts, counts = [each.start for each in bins], [each.count for each in bins]
    widths = [each.end - each.start + gap or 1.0 for each in bins]
    axes.bar(starts, counts, widths, align="edge", color=COLOUR, edgecolor="white", linewidth=0.4)
    axes.spines[["top", "right"]].set_visible(False)


def _plain(text: str) -> str:
    """Escape dollar signs, which matplotlib reads as mathematics."""
    return text.replace("$", r"\$")
