"""Charts as SVG, drawn by matplotlib, which take the light or dark colours of the reader's system."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from sma_core.errors import UserError

INK, FAINT = "#010203", "#010204"
"""Colours that stand for text and for lines in the background; `svg_of` replaces them."""
SERIES = ("#3b7dd8", "#d9822b", "#3a9a62", "#b04fb0", "#c0453f", "#7a7f85")
WIDTH, HEIGHT = 4.6, 3.0
"""Size of a chart in inches."""
_STYLE = """<style>
:root { --ink: #1d1f21; --faint: #d0d0cc; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e6e3; --faint: #45494d; } }
</style>"""

Draw = Callable[[Any], None]
"""Draws on the axes of matplotlib that it gets."""


def require_matplotlib() -> None:
    """Raise `UserError` if matplotlib is not installed."""
    if find_spec("matplotlib") is None:
        raise UserError("charts need matplotlib: pip install 'sma-view[plot]'")


def figure_of(draw: Draw, ink: str = INK, faint: str = FAINT, width: float = WIDTH, height: float = HEIGHT) -> Any:  # noqa: ANN401 - matplotlib's
    """Return a figure of matplotlib with one chart; ``ink`` colours text, ``faint`` the grid."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    colours = ("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor")
    with mpl.rc_context({**dict.fromkeys(colours, ink), "grid.color": faint, "font.size": 8}):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
        axes.set_prop_cycle(color=SERIES)
        axes.grid(linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
    return figure


def svg_of(draw: Draw) -> str:
    """Return a chart as SVG without a background, whose colours follow the system's light or dark mode."""
    import matplotlib as mpl

    figure, text = figure_of(draw), io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "report"}):
        figure.savefig(
            text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "var(--ink)").replace(FAINT, "var(--faint)")
    head, _, rest = svg.partition(">")
    return f"{head}>{_STYLE}{rest}"


Line = tuple[Sequence[float], Sequence[float]]
"""Steps and values."""


def curves(lines: Mapping[str, Line], label: str) -> Draw:
    """Return a chart of lines over steps: for each name the steps and values."""

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        for name, (steps, values) in lines.items():
            marker = "o" if len(steps) < 3 else None
            axes.plot(steps, values, label=plain(name), linewidth=1.3, marker=marker, markersize=3)
        axes.set(xlabel="step", ylabel=plain(label))
        if len(lines) > 1:
            legend(axes)

    return draw


def legend(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
    """Add a legend without a background."""
    axes.legend(frameon=False, fontsize=7)


def plain(text: str) -> str:
    """Escape dollar signs, which matplotlib reads as mathematics."""
    return text.replace("$", r"\$")
