"""The checks of the contract that are for readers: what they give of good files, and of files that are not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sma_core.errors import SmaError
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Reader
from sma_kit.checks import hostile, worker_process
from sma_kit.subject import SAMPLE_ROWS, Subject, is_own
from sma_kit.verdicts import explained, fail, skip


class ReaderChecks(Subject):
    """Checks of readers; those of blocks of numbers are in `sma_kit.checks.numbers`."""

    def test_readers_serve_endings(self) -> None:
        """Readers name file endings in lower case with a dot, without compression."""
        for reader in self._registry().specs(Reader):
            for suffix in reader.suffixes:
                if not suffix.startswith(".") or suffix != suffix.lower() or suffix in (".gz", ".zst"):
                    fail(
                        f"the ending {suffix!r} of the Reader {reader.name!r} must be lower case with a dot, and "
                        "no compression: those are taken off before"
                    )

    def test_sample_is_read_and_passes_the_check(self) -> None:
        """The default set (when it ships) or sample_file gives rows that mostly pass the check."""
        from sma_core.config import DataConfig
        from sma_core.data.records import Row

        label, records = self._text_sample()
        rows = [record.text for record in records if isinstance(record, Row)]
        if not rows:
            fail(f"the reader must yield usable rows (sma_core.data.records.Row) from {label}")
        check = self._registry().domain.check
        good = sum(a is None for a in self._answers(check, rows)) if check else len(rows)
        if good < (1 - DataConfig().max_rejected) * len(records):
            fail(f"only {good} of the first {len(records)} rows of {label} can be used: mend reader, check or set")

    def test_reader_gives_the_same_rows_each_time(self) -> None:
        """Reading the sample again gives the same rows in the same order, numbered upwards from 1."""
        _, records = self._text_sample()
        again = self._text_sample()[1]
        numbers = [record.number for record in records]
        if any(number < 1 for number in numbers) or numbers != sorted(set(numbers)):
            fail("the domain's reader must number the rows of a file upwards from 1, and use no number twice")
        if again != records:
            fail("the domain's reader must give the rows of a file in the same order each time it reads it")

    def test_readers_read_or_refuse_hostile_files(self) -> None:
        """Empty, cut-off, binary and absent files give rows, rows set aside, or one sentence; nothing else."""
        registry = self._registry()
        readers = [reader for reader in registry.specs(Reader) if is_own(registry, reader)]
        if not readers:
            skip("the plugin brings no reader of its own")
        for reader in readers:
            with tempfile.TemporaryDirectory() as folder:
                suffix = next(iter(reader.suffixes), ".txt")
                for words, path in hostile.write_files(Path(folder), suffix, self._sample_for(reader)):
                    _read_or_refuse(registry, reader, words, path)

    def test_readers_work_in_another_process(self) -> None:
        """A spawned process can import the domain's reader by its name, and reads the same rows."""
        registry = self._registry()
        if registry.domain.input_kind == "continuous":
            source, _ = self._blocks(registry)
            factory = source.reader.factory
            self._read_in_both(worker_process.read_values, factory, source.path, source.columns, source.names)
            return
        with explained("the domain's reader must read its sample"):
            place = self._sample_place()
        if place is None:
            skip("the default data set does not ship; set sample_file to test the reader")
        _, reader, path, column = place
        self._read_in_both(
            worker_process.read_texts, reader.factory, path, column, registry.domain.columns, SAMPLE_ROWS
        )

    def _read_in_both(self, read: Callable[..., Any], factory: str, *arguments: object) -> None:
        with explained(f"{factory} must work in a spawned process, by its name alone"):
            there = worker_process.in_new_process(read, factory, *arguments)
        if there != read(factory, *arguments):
            fail(f"{factory} must read the same rows in another process")

    def _text_sample(self) -> tuple[str, list[Any]]:
        self._text_registry()
        if (found := self._sample_records()) is None:
            skip("the default data set does not ship; set sample_file to test the reader")
        return found

    def _sample_for(self, reader: Reader) -> Path | None:
        """Return a good file in the format of ``reader``, where there is one."""
        with explained("the domain's reader must find its sample"):
            place = self._sample_place()
        return place[2] if place is not None and place[1] == reader else None


def _read_or_refuse(registry: Registry, reader: Reader, words: str, path: Path) -> None:
    """Read a hostile file to its end, and look at all that comes of it."""
    what = f"the Reader {reader.name!r} must read {words} or set rows aside, or raise DataError with one sentence"
    read = registry.build(reader)
    with explained(what):
        try:
            if reader.reads == "blocks":
                _look_at(read(path, (), (), names=()), what)
            else:
                _look_at(read(path, None, (), usual=registry.domain.columns), what)
        except SmaError as error:
            if "\n" in str(error):
                raise ValueError("the sentence has several lines") from error


def _look_at(records: Iterable[Any], what: str) -> None:
    from sma_core.data.blocks import Block
    from sma_core.data.records import RejectedRow, Row, is_decoded

    for record in records:
        if isinstance(record, RejectedRow):
            if not record.reason.strip() or not is_decoded(record.reason + record.text):
                fail(f"{what}: row {record.number} is set aside without a reason that can be written down")
        elif isinstance(record, Row):
            if "\0" in record.text or not is_decoded(record.text):
                fail(
                    f"{what}: row {record.number} holds bytes that are no text; make rows with "
                    "sma_core.data.records.row_or_rejected, which sets such aside"
                )
        elif not isinstance(record, Block):
            fail(f"{what}: it gives {type(record).__name__}, not Row, Block or RejectedRow")
