"""What sma-view adds to every domain: renderers of any row, and the report of each finished run."""

from __future__ import annotations

from sma_core.plugins import Renderer, hookimpl
from sma_core.plugins.events import Event, ResultsWritten


@hookimpl
def sma_renderers() -> list[Renderer]:
    """Return the renderers `letters`, `bars` and `course`."""
    return [
        Renderer(
            name="letters",
            summary="Text, each input on the colour of its importance, hidden ones boxed.",
            factory="sma_view.letters:draw_letters",
            signed=True,
        ),
        Renderer(
            name="bars",
            summary="A line for each number: its name, its importance as a bar, its value.",
            factory="sma_view.bars:draw_bars",
            signed=True,
        ),
        Renderer(
            name="course",
            summary="A sequence as a curve for each channel, on the colour of its importance.",
            factory="sma_view.course:draw_course",
            signed=True,
        ),
    ]


@hookimpl
def sma_on_event(event: Event) -> None:
    """Write the report of a finished run."""
    if isinstance(event, ResultsWritten):
        from sma_view.report.automatic import write_report

        write_report(event.run)
