"""The contract that every domain holds to."""

from sma_kit import DomainContract


class TestText(DomainContract):
    domain = "text"
    good_rows = ("A row of text.", "x", "Größe: 3 µm\tdone", "漢字 and 🙂", "two\nlines", "[MASK] is plain text")
    bad_rows = ("", " ", "\n\t")
