"""The result of `inspect_data`: statistics of a data set or file."""

from __future__ import annotations

from dataclasses import dataclass

from sma_view.spelling import Spelling
from sma_view.tallies import Bin


@dataclass(frozen=True)
class Unusable:
    """Unusable rows of one kind of reason: their number, and the first row with its full reason."""

    kind: str
    rows: int
    first_row: int
    first_reason: str


@dataclass(frozen=True)
class RecipeFit:
    """A recipe of the domain, the maximum length of its model, and the number of longer usable rows.

    Its pre-training reads longer rows whole in ``windows``, else only their beginning.
    """

    recipe: str
    max_length: int
    longer: int
    windows: bool = False


@dataclass(frozen=True)
class Example:
    """A usable row: its number and its text, truncated if long."""

    row: int
    text: str


@dataclass(frozen=True)
class TextFigures:
    """Lengths in ids of ``tokenizer``, their separator included, and characters with their share of all.

    ``characters`` is how many different ones there are; ``common`` the most frequent of them.
    """

    tokenizer: str
    ids: int
    minimum: int
    median: int
    mean: float
    percentile_95: int
    maximum: int
    shortest_row: int
    longest_row: int
    bins: list[Bin]
    characters: int
    common: dict[str, float]
    examples: list[Example]
    spelling: Spelling


@dataclass(frozen=True)
class Feature:
    """Statistics of one feature, None when all its values are missing.

    ``median`` and ``bins`` (between the 1 % and the 99 % quantile) come from the sample.
    """

    name: str
    missing: int
    missing_share: float
    mean: float | None
    deviation: float | None
    minimum: float | None
    median: float | None
    maximum: float | None
    bins: list[Bin]


@dataclass(frozen=True)
class SequenceLengths:
    """Numbers of positions of rows that are sequences of vectors, ``positions`` in all."""

    positions: int
    minimum: int
    median: int
    mean: float
    maximum: int
    shortest_row: int
    longest_row: int
    bins: list[Bin]


@dataclass(frozen=True)
class NumberFigures:
    """The features or channels in their order, the number of rows in the sample, and the lengths of sequences.

    Figures of a sequence's channels are over all positions; ``sample`` then counts positions.
    """

    features: list[Feature]
    sample: int
    lengths: SequenceLengths | None = None


@dataclass(frozen=True)
class Inspection:
    """Statistics of a data set or file, with its location and source.

    ``path`` is that of the first file, or its URL, ``files`` how many there are. ``found`` tells how it was found:
    ``file``, ``ships``, ``SMA_DATA``, ``cache``. ``whole`` is false when there
    are more rows than were asked for. One of ``text`` and ``numbers`` is there, unless no row can be used.
    ``peak_megabytes`` is the largest memory this process has had, ``worker_megabytes`` that of a process that
    checked rows; None where the system does not tell.
    """

    domain: str
    label: str
    path: str
    files: int
    found: str
    summary: str | None
    source: str | None
    licence: str | None
    reader: str
    columns: list[str]
    rows: int
    usable: int
    whole: bool
    unusable: list[Unusable]
    recipes: list[RecipeFit]
    text: TextFigures | None
    numbers: NumberFigures | None
    seconds: float
    peak_megabytes: float | None
    worker_megabytes: float | None
