"""The general renderers of sma-view, for every domain: pictures of any row of text and of any row of numbers."""

from __future__ import annotations

from sma_core.plugins import Renderer, hookimpl


@hookimpl
def sma_renderers() -> list[Renderer]:
    """Return the renderers `letters` and `bars`."""
    return [
        Renderer(
            name="letters",
            summary="Text, each input on the colour of its importance, hidden ones boxed.",
            factory="sma_view.letters:draw_letters",
        ),
        Renderer(
            name="bars",
            summary="A line for each number: its name, its importance as a bar, its value.",
            factory="sma_view.bars:draw_bars",
        ),
    ]
