"""The report of `sma data inspect`: tables, bars and small histograms of block characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sma_core.cli.output import aligned, counted
from sma_core.cli.program.option_names import in_options
from sma_core.data.unusual_rows.row_warnings import ONE_POSITION
from sma_view.commands.terminal import printable, shortened

if TYPE_CHECKING:
    from sma_view.inspection import Inspection, NumberFigures, TextFigures
    from sma_view.spelling import Spelling
    from sma_view.tallies import Bin

BAR_WIDTH = 40
TEXT_WIDTH = 100
FEATURES_SHOWN = 60
CHARACTERS_IN_LINE = 8
EIGHTHS = " ▏▎▍▌▋▊▉█"
LEVELS = " ▁▂▃▄▅▆▇█"


def inspection_lines(inspection: Inspection) -> list[str]:
    """Return the report of a data set or file."""
    lines = aligned(_facts(inspection))
    if inspection.unusable:
        lines += ["", *aligned(_reasons(inspection), right={0, 1})]
    if not inspection.usable:
        lines += ["", "no row is usable: check the reader (--reader) and the column (--input or --columns)"]
    elif inspection.text is not None:
        lines += _text_lines(inspection, inspection.text)
    elif inspection.numbers is not None:
        lines += _number_lines(inspection, inspection.numbers)
    memory = (
        "" if inspection.peak_megabytes is None else f", {inspection.peak_megabytes:,.0f} MB of memory at most"
    )
    if inspection.worker_megabytes is not None:
        memory += f" ({inspection.worker_megabytes:,.0f} MB in a process that checks rows)"
    rate = inspection.rows / max(inspection.seconds, 1e-9)
    return [*lines, "", f"{inspection.seconds:.1f} s, {_round(rate)} rows/s{memory}"]


def _facts(inspection: Inspection) -> list[tuple[str, str]]:
    places = {"file": "a file of your own", "ships": "provided by its plugin", "SMA_DATA": "in SMA_DATA"}
    facts = [("data", inspection.label + (f": {inspection.summary}" if inspection.summary else ""))]
    if inspection.files > 1:
        facts.append(("files", f"{inspection.files:,}, the first {inspection.path}"))
    else:
        facts.append(("file", f"{inspection.path} ({places.get(inspection.found, 'in the cache')})"))
    if inspection.source is not None:
        facts.append(("source", f"{inspection.source}; licence: {inspection.licence}"))
    facts.append(("reader", inspection.reader))
    if inspection.columns and inspection.numbers is None:
        facts.append(("column", printable(", ".join(inspection.columns))))
    only = "" if inspection.whole else f" (only the first {inspection.rows:,}, as set by --rows; there are more)"
    aside = inspection.rows - inspection.usable
    share = f" ({aside / inspection.rows:.2%})" if aside else ""
    facts.append(("rows", f"{inspection.rows:,}{only}: {inspection.usable:,} usable, {aside:,} set aside{share}"))
    return facts


def _reasons(inspection: Inspection) -> list[tuple[str, str, str]]:
    """Return a table of reasons for unusable rows."""
    rows = [("SET ASIDE", "FIRST ROW", "REASON")]
    for group in inspection.unusable:
        reason = shortened(group.first_reason, TEXT_WIDTH)
        rows.append((f"{group.rows:,}", f"{group.first_row:,}", reason))
    return rows


def _text_lines(inspection: Inspection, text: TextFigures) -> list[str]:
    lines = [
        "",
        f"length in ids of the tokenizer {text.tokenizer}, {text.ids:,} in all",
        f"  min {text.minimum:,} (row {text.shortest_row:,})   median {text.median:,}   mean {text.mean:,.1f}   "
        f"95 % {text.percentile_95:,}   max {text.maximum:,} (row {text.longest_row:,})",
    ]
    lines += _limits(inspection)
    lines += ["", *_spelling(text.spelling, inspection.usable)]
    lines += ["", *_bars(text.bins)]
    of = f"the {len(text.common)} most common of {text.characters:,}"
    lines += ["", f"characters ({of if text.characters > len(text.common) else f'all {text.characters:,}'})"]
    cells = [f"{_character(character)} {_share(share)}" for character, share in text.common.items()]
    cells += [""] * (-len(cells) % CHARACTERS_IN_LINE)
    lines += aligned(
        [["", *cells[start : start + CHARACTERS_IN_LINE]] for start in range(0, len(cells), CHARACTERS_IN_LINE)]
    )
    lines += ["", "rows drawn at random"]
    return lines + [f"  {example.row:>9,}  {shortened(example.text, TEXT_WIDTH)}" for example in text.examples]


def _spelling(spelling: Spelling, usable: int) -> list[str]:
    """Return a line for each number of rows that are spelt differently, equal, or labelled differently."""
    counts = (
        (
            spelling.respelled,
            "not in the normal form of the domain, which training would read",
            "all rows are in the normal form of the domain",
        ),
        (spelling.duplicates, "equal to an earlier row", "no row is equal to an earlier row"),
        (
            spelling.conflicting,
            "equal to a row with another label",
            "no row is equal to a row with another label",
        ),
    )
    return [
        f"{count:,} of {counted(usable, 'row')} ({_share(count / usable)}) {'is' if count == 1 else 'are'} {some}"
        if count
        else none
        for count, some, none in counts
        if count is not None
    ]


def _by_limit(inspection: Inspection) -> dict[int, str]:
    """Join the names of recipes that read as many inputs."""
    limits: dict[int, str] = {}
    for fit in inspection.recipes:
        limits[fit.max_length] = ", ".join(filter(None, [limits.get(fit.max_length), fit.recipe]))
    return limits


def _limits(inspection: Inspection) -> list[str]:
    """Return a line for each maximum length of the recipes: how many rows are longer."""
    lines = []
    for most, names in _by_limit(inspection).items():
        fits = [fit for fit in inspection.recipes if fit.max_length == most]
        longer = fits[0].longer
        rows = f"{counted(longer, 'row')} {'is' if longer == 1 else 'are'} longer"
        how = "read in windows" if all(fit.windows for fit in fits) else "cut"
        cut = f"{rows} ({_share(longer / inspection.usable)}) and would be {how}" if longer else "no row is longer"
        lines.append(f"  recipe {names} reads {most:,}: {cut}")
    return lines


def _bars(bins: list[Bin]) -> list[str]:
    """Draw a horizontal bar for each bin of lengths."""
    most = max(one.count for one in bins)
    rows = [
        (f"  {one.start:,.0f}", "to", f"{one.end:,.0f}", f"{one.count:,}", _bar(one.count / most)) for one in bins
    ]
    return aligned(rows, right={0, 2, 3})


def _bar(share: float) -> str:
    """Draw a bar; whatever is not 0 can be seen."""
    eighths = max(round(share * BAR_WIDTH * 8), 1 if share else 0)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _number_lines(inspection: Inspection, numbers: NumberFigures) -> list[str]:
    header = ("FEATURE", "MISSING", "MEAN", "DEVIATION", "MIN", "MEDIAN", "MAX", "1 % TO 99 %")
    rows: list[tuple[str, ...]] = [header]
    for feature in numbers.features[:FEATURES_SHOWN]:
        missing = f"{feature.missing_share:.2%}" if feature.missing else "-"
        figures = (feature.mean, feature.deviation, feature.minimum, feature.median, feature.maximum)
        drawn = _sparkline(feature.bins) if len(feature.bins) > 1 or not feature.bins else "never varies"
        if feature.deviation and len(feature.bins) == 1:
            drawn = "hardly varies"
        rows.append((shortened(feature.name, 32), missing, *map(_number, figures), drawn))
    count = len(numbers.features)
    what = counted(count, "feature")
    if numbers.lengths is not None:
        what = f"{counted(count, 'channel')}, over all positions"
    lines = [*_sequences(inspection, numbers), "", what]
    lines += aligned(rows, right=range(1, 7))
    if len(numbers.features) > FEATURES_SHOWN:
        lines.append(f"… and {len(numbers.features) - FEATURES_SHOWN:,} more; --json gives all")
    read = inspection.usable if numbers.lengths is None else numbers.lengths.positions
    if numbers.sample < read:
        items = "rows" if numbers.lengths is None else "positions"
        lines.append(f"medians and histograms from a sample of {numbers.sample:,} {items}, all else exact")
    for most, names in _by_limit(inspection).items():
        if numbers.lengths is None and len(numbers.features) > most:
            lines.append(f"recipe {names} reads {most:,} features at most: raise model.max_length")
    return lines


def _sequences(inspection: Inspection, numbers: NumberFigures) -> list[str]:
    """Return lines on the lengths of sequences; none for a table."""
    lengths = numbers.lengths
    if lengths is None:
        return []
    lines = [
        "",
        f"sequences of {counted(lengths.positions, 'position')} in all",
        f"  min {lengths.minimum:,} (row {lengths.shortest_row:,})   median {lengths.median:,}   mean "
        f"{lengths.mean:,.1f}   max {lengths.maximum:,} (row {lengths.longest_row:,})",
    ]
    odd = [f"warning: {in_options(ONE_POSITION)}"] if lengths.maximum == 1 else []
    return [*lines, *odd, *_limits(inspection), "", *_bars(lengths.bins)]


def _sparkline(bins: list[Bin]) -> str:
    """Draw a histogram in one line of text."""
    most = max((one.count for one in bins), default=0)
    return "".join(LEVELS[max(round(one.count / most * 8), 1 if one.count else 0)] for one in bins)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"


def _round(rate: float) -> str:
    """Write a rate with two figures that count."""
    return f"{float(f'{rate:.2g}'):,.0f}"


def _character(character: str) -> str:
    return f"'{printable(character)}'" if character in " '" or not character.isprintable() else character
