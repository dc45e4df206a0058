"""Contract checks of readers, on valid and on malformed files."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from sma_core.errors import SmaError
from sma_core.plugins.registry import Registry
from sma_core.plugins.specs import Reader
from sma_kit.checks import hostile, worker_process
from sma_kit.subject import NO_SAMPLE, SAMPLE_ROWS, Subject, is_own
from sma_kit.verdicts import explained, fail, skip


class ReaderChecks(Subject):
    """Checks of readers; those of blocks of numbers are in `sma_kit.checks.numbers`."""

    def test_readers_serve_endings(self) -> None:
        """Readers declare file suffixes in lower case with a dot, without compression suffixes."""
        for reader in self._registry().specs(Reader):
            for suffix in reader.suffixes:
                if not suffix.startswith(".") or suffix != suffix.lower() or suffix in (".gz", ".zst"):
                    fail(
                        f"the suffix {suffix!r} of the Reader {reader.name!r} must be lower case with a dot, and "
                        "not a compression suffix: those are removed before"
                    )

    def test_sample_is_read_and_passes_the_check(self) -> None:
        """Most rows of the default data set (when it ships) or of sample_file pass the check."""
        from sma_core.config import DataConfig
        from sma_core.data.records import Row

        label, records = self._text_sample()
        rows = [record.text for record in records if isinstance(record, Row)]
        if not rows:
            fail(f"the reader must yield usable rows (sma_core.data.records.Row) from {label}")
        check = self._registry().domain.check
        good = sum(reason is None for reason in self._answers(check, rows)) if check else len(rows)
        if good < (1 - DataConfig().max_rejected) * len(records):
            fail(f"only {good} of the first {len(records)} rows of {label} are usable: fix reader or check")

    def test_reader_gives_the_same_rows_each_time(self) -> None:
        """Reading the sample again gives the same rows in the same order, numbered from 1."""
        if self._registry().domain.input_kind == "continuous":
            first, again = self._block_sample(), self._block_sample()
        else:
            first, again = self._text_sample()[1], self._text_sample()[1]
        if again != first:
            fail("the domain's reader must yield the same rows in the same order each time")

    def test_readers_read_or_refuse_hostile_files(self) -> None:
        """Empty, truncated, binary and missing files give rows, rejected rows, or a one-sentence error."""
        registry = self._registry()
        readers = [reader for reader in registry.specs(Reader) if is_own(registry, reader)]
        if not readers:
            skip("the plugin has no reader")
        for reader in readers:
            with tempfile.TemporaryDirectory() as folder:
                suffix = next(iter(reader.suffixes), ".txt")
                for words, path in hostile.write_files(Path(folder), suffix, self._sample_for(reader)):
                    _read_or_refuse(registry, reader, words, path)

    def test_readers_work_in_another_process(self) -> None:
        """A spawned process can import the domain's reader by reference and reads the same rows."""
        registry = self._registry()
        if registry.domain.input_kind == "continuous":
            source, _ = self._blocks(registry)
            factory = source.reader.factory
            self._read_in_both(worker_process.read_values, factory, source.path, source.columns, source.names)
            return
        with explained("the domain's reader must read its sample"):
            sample = self._sample_place()
        if sample is None:
            skip(NO_SAMPLE)
        _, reader, path, column = sample
        self._read_in_both(
            worker_process.read_texts, reader.factory, path, column, registry.domain.columns, SAMPLE_ROWS
        )

    def _read_in_both(self, read: Callable[..., Any], factory: str, *arguments: object) -> None:
        with explained(f"{factory} must work in a spawned process"):
            in_child = worker_process.in_new_process(read, factory, *arguments)
        if in_child != read(factory, *arguments):
            fail(f"{factory} must read the same rows in another process")

    def _block_sample(self) -> list[Any]:
        """Return what the first blocks of the sample hold, for a comparison."""
        _, blocks = self._blocks(self._registry())
        return [
            (
                block.numbers.tolist(),
                block.values.dtype,
                block.values.tobytes(),
                block.columns,
                None if block.offsets is None else block.offsets.tolist(),
            )
            for block in blocks
        ]

    def _text_sample(self) -> tuple[str, list[Any]]:
        self._text_registry()
        if (sample := self._sample_records()) is None:
            skip(NO_SAMPLE)
        return sample

    def _sample_for(self, reader: Reader) -> Path | None:
        """Return a valid file in the format of ``reader``, or None."""
        with explained("the domain's reader must find its sample"):
            sample = self._sample_place()
        return sample[2] if sample is not None and sample[1] == reader else None


def _read_or_refuse(registry: Registry, reader: Reader, words: str, path: Path) -> None:
    """Read a malformed file completely and check every record."""
    rule = f"the Reader {reader.name!r} must read {words}, reject its rows, or raise DataError with one sentence"
    read = registry.build(reader)
    with explained(rule):
        try:
            if reader.reads == "blocks":
                _check_records(read(path, (), (), names=()), rule)
            else:
                _check_records(read(path, None, (), usual=registry.domain.columns), rule)
        except SmaError as error:
            if "\n" in str(error):
                raise ValueError("the message has several lines") from error


def _check_records(records: Iterable[Any], rule: str) -> None:
    from sma_core.data.blocks import Block
    from sma_core.data.records import RejectedRow, Row, is_decoded

    for record in records:
        if isinstance(record, RejectedRow):
            if not record.reason.strip() or not is_decoded(record.reason + record.text):
                fail(f"{rule}: row {record.number} is rejected without a printable reason")
        elif isinstance(record, Row):
            if "\0" in record.text or not is_decoded(record.text):
                fail(
                    f"{rule}: row {record.number} is not valid text; create rows with "
                    "sma_core.data.records.row_or_rejected, which rejects such rows"
                )
        elif not isinstance(record, Block):
            fail(f"{rule}: it yields {type(record).__name__}, not Row, Block or RejectedRow")
