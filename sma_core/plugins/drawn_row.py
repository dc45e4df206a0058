"""What a renderer is given: one row, a number for each input, and which inputs a mask hides."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class DrawnRow:
    """One row of N inputs under one mask.

    ``importance`` (N,) is what guided masking ranks by, relative to the mean of the row, NaN where it is unknown;
    ``hidden`` are places of inputs, from 0. Of a row of text, ``pieces`` (N,) is the text of each input: end to
    end they are ``text``, and an input that adds no character (the separator, all but the last byte of one that
    has several) has an empty piece. Of a row of numbers, ``features`` (N,) are the names and ``values`` (N,) the
    numbers as the file has them, NaN where one is missing. Of a sequence, ``channels`` (C,) are names, ``vectors``
    (N, C) the numbers of each position, and ``features`` number the positions from 1. ``grid`` are the sizes of
    the axes that positions are on, such as rows and columns, the last fastest; empty if the model knows none.
    ``prefix`` begins every id of the drawing; no two drawings of a page share it.

    With ``signed``, ``importance`` holds instead what each input adds to a prediction, in the prediction's unit,
    negative where it lowers it; nothing is hidden then. ``channel_importance`` (N, C) divides these values among
    the channels of a sequence; it is empty if they are not known. Only renderers whose spec is ``signed`` get such
    rows.
    """

    importance: tuple[float, ...]
    hidden: frozenset[int] = frozenset()
    text: str = ""
    pieces: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    channels: tuple[str, ...] = ()
    vectors: tuple[tuple[float, ...], ...] = ()
    grid: tuple[int, ...] = ()
    prefix: str = ""
    signed: bool = False
    channel_importance: tuple[tuple[float, ...], ...] = ()

    @property
    def owners(self) -> tuple[int, ...]:
        """For each character of ``text``, the place of the input that it belongs to."""
        return tuple(place for place, piece in enumerate(self.pieces) for _ in piece)

    @property
    def hidden_share(self) -> float:
        """Share of the inputs that is hidden."""
        return len(self.hidden) / len(self.importance) if self.importance else 0.0
