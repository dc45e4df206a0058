"""Contract checks of domains whose rows are numbers."""

from __future__ import annotations

from dataclasses import replace

from sma_kit.checks import parts, small_models
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail, skip


class NumbersChecks(Subject):
    """Checks of blocks of numbers; all are skipped for a domain of text."""

    def test_reader_gives_blocks_of_numbers(self) -> None:
        """Blocks hold values of one type, finite or NaN, of the declared columns, with increasing row numbers."""
        import numpy as np

        registry = self._numbers()
        source, blocks = self._blocks(registry)
        reader = f"the Reader {source.reader.name!r}"
        last = 0
        for block in blocks:
            types = ("float32",) if block.offsets is None else ("float32", "float16", "uint8")
            if block.values.dtype not in types:
                fail(f"{reader} must yield {' or '.join(types)} values, not {block.values.dtype}")
            if block.values.dtype != blocks[0].values.dtype:
                fail(f"{reader} must yield one type of values per file")
            if np.isinf(block.values).any():
                fail(f"{reader} must yield rows with infinite values as RejectedRow, not in blocks")
            names = block.names(source.columns)
            if len(names) != block.values.shape[1] or (source.columns and names != source.columns):
                fail(f"{reader} must yield the columns {', '.join(source.columns or names)} in this order")
            if len(set(names)) < len(names) or not all(isinstance(name, str) for name in names):
                fail(f"{reader} must give each column a name of its own, a str, not {', '.join(map(str, names))}")
            if names != blocks[0].names(source.columns) or (block.offsets is None) != (blocks[0].offsets is None):
                fail(f"{reader} must yield the same columns in all blocks of a file, all tables or all sequences")
            numbers = block.numbers
            if numbers[0] <= last or bool((np.diff(numbers) < 1).any()):
                fail(f"{reader} must number the rows of a file from 1 in increasing order, without duplicates")
            last = int(numbers[-1])

    def test_reader_finds_the_columns_that_its_blocks_name(self) -> None:
        """The names of a block's columns, passed to the reader, give the same values: so do models read files."""
        import numpy as np

        registry = self._numbers()
        source, blocks = self._blocks(registry)
        if source.columns:
            skip("the sample names its columns")
        names = blocks[0].names(())
        reader = f"the Reader {source.reader.name!r}"
        with explained(f"{reader} must read the columns {', '.join(names[:8])}, which its blocks name"):
            again = parts.read_blocks(registry, replace(source, columns=names), 1)
        if not again or not np.array_equal(again[0].values, blocks[0].values, equal_nan=True):
            fail(f"{reader} must give the same values when its columns are passed to it: {', '.join(names[:8])}")

    def test_statistics_come_from_training_rows_only(self) -> None:
        """Mean and standard deviation are those of the training rows, also when the file is read again."""
        import numpy as np

        registry = self._numbers()
        source, _ = self._blocks(registry)
        with explained("preparing the sample must work"):
            kept, again = parts.scales(registry, source, self._pretraining("tiny"))
        if not (np.allclose(kept.mean, again.mean) and np.allclose(kept.spread, again.spread)):
            fail(
                f"the Reader {source.reader.name!r} must yield the same values each time: mean and deviation of "
                "the training rows change when the file is read again"
            )

    def test_one_training_step_on_numbers_is_finite(self) -> None:
        """A small model trains one step on the sample with the masking of the tiny recipe."""
        registry = self._numbers()
        _, blocks = self._blocks(registry)
        features = blocks[0].values.shape[1]
        with explained("one training step on the sample must work; check the reader and the tiny recipe"):
            config = self._pretraining("tiny")
            longest = config.model.max_length
            trial = small_models.values_trial(blocks[0], registry.domain.sentinels, config)
            finite = small_models.train_a_step(trial)
        if longest < features and blocks[0].offsets is None:
            fail(
                f"model.max_length of the recipe tiny is {longest}, but the sample's rows have {features} numbers"
            )
        if not finite:
            fail("one training step on the sample gives a non-finite loss: list values for missing in sentinels")
