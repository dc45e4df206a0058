"""Read the files of a data set for an inspection, and count rows."""

from __future__ import annotations

from collections.abc import Iterator

from sma_core.data.preparation.rejected import RejectionCounts
from sma_core.plugins.registry import Registry
from sma_core.sources.data_sets import Source
from sma_core.sources.source_set import SourceSet


class Look:
    """Reads files to their end, or to the last row wanted, and counts rows."""

    def __init__(self, registry: Registry, sources: SourceSet, most: int | None) -> None:
        self.registry, self.sources, self.most = registry, sources, most
        self.counts = RejectionCounts()
        self.whole = True

    def files(self) -> Iterator[tuple[Source, int, int | None]]:
        """Yield each file, the number of rows before it, and the number of its rows to read.

        One more file is read than necessary, to know whether there are more rows.
        """
        for source in self.sources.sources:
            before = self.counts.rows
            wanted = None if self.most is None else self.most - before
            yield source, before, wanted
            if not self.whole:
                return

    def columns(self) -> list[str]:
        """Return the names of the columns read."""
        raise NotImplementedError

    def longer_than(self, most: int) -> int:
        """Count the usable rows with more than ``most`` inputs."""
        raise NotImplementedError
