"""What sma-view adds to every domain: renderers, columns of predictions, and files of each finished run."""

from __future__ import annotations

from sma_core.plugins import PredictionColumns, Renderer, hookimpl
from sma_core.plugins.events import Evaluated, Event, ResultsWritten, RunStarted


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
def sma_prediction_columns() -> list[PredictionColumns]:
    """Return what `sma predict` adds on request: `interval`, `calibrated` and `familiarity`."""
    return [
        PredictionColumns(
            name="interval",
            summary="Conformal intervals of values, and sets of classes.",
            factory="sma_view.trust.intervals:Interval",
        ),
        PredictionColumns(
            name="calibrated",
            summary="Probabilities with a temperature fitted on validation rows.",
            factory="sma_view.trust.temperature:Calibrated",
        ),
        PredictionColumns(
            name="familiarity",
            summary="The nearest training row, its distance, and the score of the pre-trained model.",
            factory="sma_view.trust.familiarity:Familiarity",
        ),
    ]


@hookimpl
def sma_on_event(event: Event) -> None:
    """Record masks during training, and write the calibration and the report of a finished run."""
    if isinstance(event, RunStarted | Evaluated):
        from sma_view.report import mask_examples

        mask_examples.begin(event) if isinstance(event, RunStarted) else mask_examples.record(event)
    if isinstance(event, ResultsWritten):
        from sma_core.devices.device import seeded
        from sma_view.report.automatic import write_report
        from sma_view.trust.calibration import write_calibration

        with seeded(0):  # networks that are built to be read draw no numbers from a program's random state
            write_calibration(event.run)
            write_report(event.run)
