"""Contract check of renderers: they draw any row under any mask."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sma_core.errors import PluginError
from sma_core.plugins.drawn_row import DrawnRow
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Renderer
from sma_kit.subject import Subject, is_own
from sma_kit.verdicts import explained, fail, needs_missing_package, skip

ROWS = 4
LONGEST, CUT = 512, 5
"""Number of inputs of the longest row drawn, and of a truncated row."""
HOSTILE = '<a href="x">&amp;\'</text><script>]]>\x07\ud800漢🙂'


class DrawingChecks(Subject):
    """Checks of renderers."""

    def test_renderers_draw_every_row(self) -> None:
        """Renderers return a complete SVG for every row, always the same, that shows the hidden inputs."""
        registry = self._registry()
        named = registry.domain.renderer
        if named is not None:
            with explained(f"change renderer={named!r} of the Domain spec, or add that Renderer"):
                registry.find(Renderer, named)
        own = [spec for spec in registry.specs(Renderer) if is_own(registry, spec)]
        if not own:
            skip("the plugin has no renderer, so the general one draws its rows")
        for spec in own:
            _skip_without_package(registry, spec)
        rows = list(self._drawn_rows(registry))
        for spec in own:
            for what, row in rows:
                _check_row(registry, spec, what, row)

    def _drawn_rows(self, registry: Registry) -> Iterator[tuple[str, DrawnRow]]:
        """Yield rows to draw with a description: rows of the sample, a truncated row, and one with markup."""
        if registry.domain.input_kind == "continuous":
            source, blocks = self._blocks(registry)
            names = blocks[0].names(source.columns)
            if blocks[0].offsets is not None:
                rows = [blocks[0].sequences[row].tolist() for row in range(min(ROWS, len(blocks[0])))]
                for number, vectors in enumerate(rows, start=1):
                    yield f"row {number} of the sample", _of_vectors(names, vectors)
                yield (
                    "channels with other names and missing values",
                    _of_vectors((HOSTILE, "b" * 60), [(math.nan, 1e30)] * 4),
                )
                return
            for number, values in enumerate(blocks[0].values[:ROWS].tolist(), start=1):
                yield f"row {number} of the sample", _of_numbers(names, tuple(values))
            yield (
                "features with other names and missing values",
                _of_numbers((HOSTILE, "b" * 60), (math.nan, 1e30)),
            )
            return
        from sma_core.data.tokenizers import shorten, text_of_ids

        tokenizer, texts = self._tokenizer(), self._rows()
        chosen = [*texts[:ROWS], max(texts, key=len)]
        ids = shorten(self._encoded(tokenizer, chosen), LONGEST, tokenizer.separator_id)
        for index, text in enumerate(chosen):
            yield f"the row {text[:40]!r}", _of_text(text_of_ids(tokenizer, ids[index]))
        short = shorten(ids, CUT, tokenizer.separator_id)
        yield f"a row truncated to {CUT} inputs", _of_text(text_of_ids(tokenizer, short[0]))
        yield "a text of markup", _of_text((*HOSTILE, "several letters", ""))


def _of_text(parts: tuple[str, ...]) -> DrawnRow:
    """Return a row of text with increasing importance."""
    rising = tuple(index / len(parts) for index in range(len(parts)))
    return DrawnRow(importance=rising, text="".join(parts), pieces=parts, prefix="r1-m1-")


def _of_numbers(names: tuple[str, ...], values: tuple[float, ...]) -> DrawnRow:
    """Return a row of numbers with increasing importance."""
    rising = tuple(index / len(names) for index in range(len(names)))
    return DrawnRow(importance=rising, features=names, values=values, prefix="r1-m1-")


def _of_vectors(channels: tuple[str, ...], vectors: Sequence[Sequence[float]]) -> DrawnRow:
    """Return a sequence of vectors with increasing importance."""
    rising = tuple(index / len(vectors) for index in range(len(vectors)))
    return DrawnRow(
        importance=rising,
        features=tuple(f"position {number}" for number in range(1, len(vectors) + 1)),
        channels=channels,
        vectors=tuple(map(tuple, vectors)),
        prefix="r1-m1-",
    )


def _skip_without_package(registry: Registry, spec: Renderer) -> None:
    """Skip the check when a renderer needs a package that is not installed."""
    try:
        registry.build(spec)
    except PluginError as error:
        package = needs_missing_package(error)
        if package is not None:
            skip(f"the Renderer {spec.name!r} needs {package}, which is not installed")


def _check_row(registry: Registry, spec: Renderer, what: str, row: DrawnRow) -> None:
    """Draw a row with none, all and half of its inputs hidden, and with unknown importance."""
    every = frozenset(range(len(row.importance)))
    cases = {
        "nothing hidden": row,
        "everything hidden": replace(row, hidden=every),
        "every second input hidden": replace(row, hidden=frozenset(sorted(every)[::2])),
        "importance that is NaN": replace(row, importance=(math.nan,) * len(every), hidden=frozenset({0})),
    }
    if spec.signed:
        cases |= {"signed values": _signed(row, 1.0), "signed values of the other sign": _signed(row, -1.0)}
    drawings = {name: _drawing(registry, spec, f"{what} with {name}", case) for name, case in cases.items()}
    if drawings["nothing hidden"] == drawings["everything hidden"]:
        fail(f"the Renderer {spec.name!r} must show what is hidden: {what} looks the same with all of it hidden")
    if spec.signed and drawings["signed values"] == drawings["signed values of the other sign"]:
        fail(f"the Renderer {spec.name!r} says that it is signed, but {what} looks the same whatever the signs")
    if drawings["nothing hidden"] != _drawing(registry, spec, what, row):
        fail(f"the Renderer {spec.name!r} must draw a row in the same way each time, but does not for {what}")


def _signed(row: DrawnRow, sign: float) -> DrawnRow:
    """Return a row with values that raise and lower a prediction in turn."""
    values = tuple(sign * (1.0 if place % 2 else -0.5) for place in range(len(row.importance)))
    return replace(row, importance=values, signed=True)


def _drawing(registry: Registry, spec: Renderer, what: str, row: DrawnRow) -> str:
    from sma_core.plugins.drawing_check import checked

    with explained(f"the Renderer {spec.name!r} must draw {what}"):
        return checked(registry.build(spec)(row), row.prefix)
