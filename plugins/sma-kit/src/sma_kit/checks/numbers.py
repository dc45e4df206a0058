"""The checks of the contract that are for domains whose rows are numbers."""

from __future__ import annotations

from sma_kit.checks import parts, small_models
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail


class NumbersChecks(Subject):
    """Checks of blocks of numbers; each is skipped for a domain of text."""

    def test_reader_gives_blocks_of_numbers(self) -> None:
        """Blocks hold float32, finite or NaN, of the declared columns, and row numbers that go up."""
        import numpy as np

        registry = self._numbers()
        source, blocks = self._blocks(registry)
        reader = f"the Reader {source.reader.name!r}"
        last = 0
        for block in blocks:
            if block.values.dtype != np.float32 or block.values.ndim != 2:
                fail(f"{reader} must give values of float32 (rows, features), not {block.values.dtype}")
            if np.isinf(block.values).any():
                fail(f"{reader} must set rows with infinite numbers aside, as RejectedRow; it gives them on")
            names = block.names(source.columns)
            if len(names) != block.values.shape[1] or (source.columns and names != source.columns):
                fail(f"{reader} must give the columns {', '.join(source.columns or names)} in this order")
            numbers = block.numbers
            if numbers.shape != (len(block.values),) or numbers[0] <= last or bool((np.diff(numbers) < 1).any()):
                fail(f"{reader} must number the rows of a file upwards from 1, and use no number twice")
            last = int(numbers[-1])

    def test_statistics_come_from_training_rows_only(self) -> None:
        """Mean and spread are those of the training rows, as the reader gives them when it reads again."""
        import numpy as np

        registry = self._numbers()
        source, _ = self._blocks(registry)
        with explained("preparing the sample must work"):
            kept, again = parts.scales(registry, source, self._pretraining("tiny"))
        if not (np.allclose(kept.mean, again.mean) and np.allclose(kept.spread, again.spread)):
            fail(
                f"the Reader {source.reader.name!r} must give a row the same values each time: mean and spread of "
                "the training rows change when the file is read again"
            )

    def test_one_training_step_on_numbers_is_finite(self) -> None:
        """A small model takes one step on the sample, masked as the tiny recipe says."""
        registry = self._numbers()
        _, blocks = self._blocks(registry)
        features = blocks[0].values.shape[1]
        with explained("one training step on the sample must work; look at the reader and the tiny recipe"):
            config = self._pretraining("tiny")
            longest = config.model.max_length
            trial = small_models.values_trial(blocks[0], registry.domain.sentinels, config)
            finite = small_models.train_a_step(trial)
        if longest < features:
            fail(
                f"model.max_length of the recipe tiny is {longest}, but the sample's rows have {features} numbers"
            )
        if not finite:
            fail(
                "one training step on the sample gives no finite loss: name values that mean missing in sentinels"
            )
