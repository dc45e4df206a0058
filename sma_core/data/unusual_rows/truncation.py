"""Say how many rows were longer than the model reads, so that only their beginning was used."""

from __future__ import annotations

from sma_core.printable import counted

MANY = 0.01
"""Share of truncated rows above which results have a warning."""


def truncation_note(truncated: int, rows: int, max_length: int) -> str | None:
    """Return how many of ``rows`` were truncated to ``max_length`` inputs; None if none was."""
    if not truncated:
        return None
    share = 100 * truncated / rows
    percent = f"{share:.2g}" if share < 99 else f"{share:.3g}"  # not 1e+02
    return (
        f"{truncated:,} of {counted(rows, 'row')} ({percent} %) are longer than model.max_length "
        f"({max_length:,}): only their beginning was read"
    )


def truncation_warnings(truncated: int, rows: int, max_length: int, advice: str = "") -> list[str]:
    """Return the note with ``advice`` if more than the share `MANY` of the rows was truncated, else nothing."""
    note = truncation_note(truncated, rows, max_length)
    if note is None or truncated <= MANY * rows:
        return []
    return [f"{note}{advice}"]
