"""The page of `sma explain`: the verdict of the deletion test, and rows drawn with what each input adds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from sma_view.drawer import Drawer
from sma_view.explain.deletion import DeletionResult
from sma_view.explain.explained_rows import ExplainedRow
from sma_view.explain.result import ExplainResult
from sma_view.page import (
    Chart,
    charts,
    colour_scale,
    drawing,
    facts,
    page,
    remark,
    section,
    side_by_side,
    table,
    visible,
    warnings,
    written,
)
from sma_view.report.charts import legend, svg_of
from sma_view.svg import ACCENT, LOWERS, STRONGEST, largest, rgba

RANDOM = "random order"
_SCALE = colour_scale(rgba(LOWERS, STRONGEST), "transparent", rgba(ACCENT, STRONGEST))


def explanation_page(
    title: str,
    pairs: Sequence[tuple[str, str]],
    rows: Sequence[ExplainedRow],
    result: ExplainResult,
    drawer: Drawer,
) -> str:
    """Return the page as HTML; ``pairs`` are names and values that stand in its head."""
    unit = result.unit
    legend_of_colours = (
        f'<p class="quiet">Each input has the value that it adds to the prediction, in {visible(unit)}: {_SCALE} '
        "from lowers to raises. The strongest colour of a row is for its largest value, which is named above the "
        "drawing. Point at an input for its value.</p>"
    )
    complete = warnings([result.completeness]) if result.is_incomplete else remark(result.completeness)
    tested = [_tested(result.deletion), complete if result.completeness else ""]
    body = [facts(pairs), *tested, legend_of_colours, *(_row(row, drawer) for row in rows)]
    return page(title, body)


def _tested(test: DeletionResult | None) -> str:
    """Return the verdict and the curves of the deletion test."""
    if test is None:
        return warnings(["no deletion test was made, so nothing shows whether this explanation means anything"])
    sentence = test.sentence[0].upper() + test.sentence[1:]
    verdict = remark(f"{sentence}.") if test.better else warnings([test.sentence])
    if not test.rows:
        return section("Does the explanation mean anything?", [verdict])
    head = ("share of inputs hidden", *(f"{share:.0%}" for share in test.shares))
    lines = [(name, *(f"{value:.3g}" for value in curve)) for name, curve in _curves_of(test).items()]
    caption = "Mean change of the prediction while more and more inputs are hidden"
    drawn = [Chart(caption, svg_of(_curves(test)))] if find_spec("matplotlib") else []
    return section("Does the explanation mean anything?", [verdict, charts(drawn), table(head, lines)])


def _curves_of(test: DeletionResult) -> dict[str, tuple[float, ...]]:
    """Return the curves of the test by the names that the page gives them."""
    named = {"what lowers it first": test.lowering_first, RANDOM: test.at_random}
    return named | {"what raises it first": test.raising_first}


def _curves(test: DeletionResult) -> Any:  # noqa: ANN401 - draws on matplotlib's axes
    shares = (0.0, *test.shares)

    def draw(axes: Any) -> None:  # noqa: ANN401 - matplotlib's
        for name, curve in _curves_of(test).items():
            style = "--" if name == RANDOM else "-"
            axes.plot(shares, (0.0, *curve), label=name, linewidth=1.3, linestyle=style)
        axes.set(xlabel="share of inputs hidden", ylabel="change of the prediction")
        legend(axes)

    return draw


def _row(row: ExplainedRow, drawer: Drawer) -> str:
    """Return a row with its drawing, or why it has none."""
    title = f"Row {row.number:,} {row.name}".strip()
    if row.drawn is None:
        return section(title, [written(row.text), remark(f"cannot be used: {row.remark}")])
    of_class = f" for {row.label}, probability {probability(row.prediction):.3g}" if row.label else ""
    most = largest(row.drawn.importance)
    caption = f"prediction {row.prediction:.4g}{of_class}; largest value {most:.3g}"
    parts = [written(row.text), remark(row.remark) if row.remark else ""]
    return section(title, [*parts, side_by_side([drawing(caption, drawer.draw(row.drawn, row.number))])])


def probability(log_odds: float) -> float:
    """Return the probability of a class."""
    return 1.0 / (1.0 + math.exp(-log_odds)) if log_odds > -700 else 0.0
