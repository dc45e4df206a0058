"""How data looks on a terminal: tables, bars and small histograms of block characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sma_core.cli.output import aligned

if TYPE_CHECKING:
    from sma_view.inspection import Inspection, NumberFigures, TextFigures
    from sma_view.list_data import ListedSet
    from sma_view.tallies import Bin

BAR_WIDTH = 40
TEXT_WIDTH = 100
FEATURES_SHOWN = 60
CHARACTERS_IN_LINE = 8
EIGHTHS = " ▏▎▍▌▋▊▉█"
LEVELS = " ▁▂▃▄▅▆▇█"


def set_lines(sets: list[ListedSet]) -> list[str]:
    """Return a table of named sets, those that are here first."""
    if not sets:
        return ["this domain names no sets: give a file of your own"]
    rows = [("NAME", "HERE", "FROM", "LICENCE", "")]
    for each in sorted(sets, key=lambda one: not one.here):
        place = {"hub": f"hub {each.wanted}", "SMA_DATA": f"$SMA_DATA/{each.wanted}"}.get(each.place, each.place)
        name = each.name + (" *" if each.default else "")
        where = each.place if each.here else place
        rows.append((name, "yes" if each.here else "no", where, _fit(each.licence, 36), each.summary))
    lines = aligned(rows)
    if any(each.default for each in sets):
        lines.append("* the set that is used when none is named")
    return lines


def inspection_lines(found: Inspection) -> list[str]:
    """Return what a person is told of a set or a file."""
    lines = aligned(_facts(found))
    if found.unusable:
        lines += ["", *aligned(_reasons(found), right={0, 1})]
    if not found.usable:
        lines += ["", "no row can be used: check the reader (--reader) and the column (--input, or --columns)"]
    elif found.text is not None:
        lines += _text_lines(found, found.text)
    elif found.numbers is not None:
        lines += _number_lines(found, found.numbers)
    memory = "" if found.peak_megabytes is None else f", {found.peak_megabytes:,.0f} MB of memory at most"
    if found.worker_megabytes is not None:
        memory += f" ({found.worker_megabytes:,.0f} MB in a process that checks rows)"
    rate = found.rows / max(found.seconds, 1e-9)
    return [*lines, "", f"{found.seconds:.1f} s, {_round(rate)} rows/s{memory}"]


def _facts(found: Inspection) -> list[tuple[str, str]]:
    places = {"file": "a file of your own", "ships": "ships with its plugin", "SMA_DATA": "in SMA_DATA"}
    facts = [("data", found.label + (f": {found.summary}" if found.summary else ""))]
    if found.files > 1:
        facts.append(("files", f"{found.files:,}, the first {found.path}"))
    else:
        facts.append(("file", f"{found.path} ({places.get(found.found, 'in the cache')})"))
    if found.source is not None:
        facts.append(("source", f"{found.source}; licence: {found.licence}"))
    facts.append(("reader", found.reader))
    if found.columns and found.numbers is None:
        facts.append(("column", printable(", ".join(found.columns))))
    only = "" if found.whole else f" (the first {found.rows:,} only, as --rows says; there are more)"
    aside = found.rows - found.usable
    share = f" ({aside / found.rows:.2%})" if aside else ""
    facts.append(("rows", f"{found.rows:,}{only}: {found.usable:,} usable, {aside:,} set aside{share}"))
    return facts


def _reasons(found: Inspection) -> list[tuple[str, str, str]]:
    """Return a table of why rows are set aside."""
    rows = [("SET ASIDE", "FIRST ROW", "REASON")]
    for each in found.unusable:
        rows.append((f"{each.rows:,}", f"{each.first_row:,}", _fit(each.first_reason, TEXT_WIDTH)))
    return rows


def _text_lines(found: Inspection, text: TextFigures) -> list[str]:
    lines = [
        "",
        f"length in ids of the tokenizer {text.tokenizer}, {text.ids:,} in all",
        f"  min {text.minimum:,} (row {text.shortest_row:,})   median {text.median:,}   mean {text.mean:,.1f}   "
        f"95 % {text.percentile_95:,}   max {text.maximum:,} (row {text.longest_row:,})",
    ]
    for most, names in _by_limit(found).items():
        longer = next(fit.longer for fit in found.recipes if fit.max_length == most)
        rows = "1 row is longer" if longer == 1 else f"{longer:,} rows are longer"
        cut = f"{rows} ({_share(longer / found.usable)}) and would be cut" if longer else "no row is longer"
        lines.append(f"  recipe {names} reads {most:,}: {cut}")
    lines += ["", *_bars(text.bins)]
    of = f"the {len(text.common)} most common of {text.characters:,}"
    lines += ["", f"characters ({of if text.characters > len(text.common) else f'all {text.characters:,}'})"]
    cells = [f"{_character(each)} {_share(share)}" for each, share in text.common.items()]
    cells += [""] * (-len(cells) % CHARACTERS_IN_LINE)
    lines += aligned(
        [["", *cells[at : at + CHARACTERS_IN_LINE]] for at in range(0, len(cells), CHARACTERS_IN_LINE)]
    )
    lines += ["", "rows drawn at random"]
    return lines + [f"  {example.row:>9,}  {_fit(example.text, TEXT_WIDTH)}" for example in text.examples]


def _by_limit(found: Inspection) -> dict[int, str]:
    """Join the names of recipes that read as many inputs."""
    limits: dict[int, str] = {}
    for fit in found.recipes:
        limits[fit.max_length] = ", ".join(filter(None, [limits.get(fit.max_length), fit.recipe]))
    return limits


def _bars(bins: list[Bin]) -> list[str]:
    """Draw a horizontal bar for each bin of lengths."""
    most = max(each.count for each in bins)
    rows = [
        (f"  {each.start:,.0f}", "to", f"{each.end:,.0f}", f"{each.count:,}", _bar(each.count / most))
        for each in bins
    ]
    return aligned(rows, right={0, 2, 3})


def _bar(share: float) -> str:
    """Draw a bar; whatever is not 0 can be seen."""
    eighths = max(round(share * BAR_WIDTH * 8), 1 if share else 0)
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _number_lines(found: Inspection, numbers: NumberFigures) -> list[str]:
    header = ("FEATURE", "MISSING", "MEAN", "DEVIATION", "MIN", "MEDIAN", "MAX", "1 % TO 99 %")
    rows: list[tuple[str, ...]] = [header]
    for each in numbers.features[:FEATURES_SHOWN]:
        missing = f"{each.missing_share:.2%}" if each.missing else "-"
        figures = (each.mean, each.deviation, each.minimum, each.median, each.maximum)
        drawn = _sparkline(each.bins) if len(each.bins) > 1 or not each.bins else "never varies"
        if each.deviation and len(each.bins) == 1:
            drawn = "hardly varies"
        rows.append((_fit(each.name, 32), missing, *map(_number, figures), drawn))
    lines = ["", f"{len(numbers.features):,} features", *aligned(rows, right=range(1, 7))]
    if len(numbers.features) > FEATURES_SHOWN:
        lines.append(f"… and {len(numbers.features) - FEATURES_SHOWN:,} more; --json gives all")
    if numbers.sample < found.usable:
        lines.append(f"medians and histograms from a sample of {numbers.sample:,} rows, all else exact")
    for most, names in _by_limit(found).items():
        if len(numbers.features) > most:
            lines.append(f"recipe {names} reads {most:,} features at most: raise model.max_length")
    return lines


def _sparkline(bins: list[Bin]) -> str:
    """Draw a histogram in one line of text."""
    most = max((each.count for each in bins), default=0)
    return "".join(LEVELS[max(round(each.count / most * 8), 1 if each.count else 0)] for each in bins)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 else "<0.1%"


def _round(rate: float) -> str:
    """Write a rate with two figures that count."""
    return f"{float(f'{rate:.2g}'):,.0f}"


def _character(character: str) -> str:
    return f"'{printable(character)}'" if character in " '" or not character.isprintable() else character


def _fit(text: str, width: int) -> str:
    text = printable(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def printable(text: str) -> str:
    """Write out what a terminal would obey or not show."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "replace").decode() for c in text)
