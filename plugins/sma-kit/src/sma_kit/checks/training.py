"""Contract checks that train on rows of the domain: padding, masks, losses, a resumed run."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sma_kit.checks import parts, small_models
from sma_kit.checks.resumed_run import weights_of_runs, write_rows
from sma_kit.subject import Subject, policy_for
from sma_kit.verdicts import explained, fail, skip

if TYPE_CHECKING:
    from sma_core.data.tokenizers import DiscreteTokenizer
    from sma_core.plugins.registry import Registry
    from sma_kit.checks.small_models import TrialBatch

CLOSE = 1e-4
ROWS_OF_A_RUN = 48
PADDED = 0.5
"""If more of the rows than this share end without values, they are padded."""


class TrainingChecks(Subject):
    """Checks of batches, masks and losses on good rows (for numbers: on the sample), and of a resumed run."""

    def test_one_training_step_is_finite(self) -> None:
        """A small model trains one step on good rows and an over-long row with the tiny recipe's masking."""
        tokenizer = self._tokenizer()
        with explained("one training step on good_rows must work; check the tokenizer and the tiny recipe"):
            trial = small_models.text_trial(
                tokenizer, self._pretraining("tiny"), self._rows_and_long_row(tokenizer)
            )
            finite = small_models.train_a_step(trial)
        if not finite:
            fail("one training step on good_rows gives a loss that is not finite: check the tokenizer's ids")

    def test_a_batch_of_one_row_trains(self) -> None:
        """A batch of one row has a finite loss."""
        trial = self._trial(rows=1)
        with explained("one training step on a single row must work"):
            finite = small_models.train_a_step(trial)
        if not finite:
            fail(
                "one training step on a single row gives a loss that is not finite: check the reader or tokenizer"
            )

    def test_training_lowers_the_loss_of_one_batch(self) -> None:
        """A few steps on one batch with the tiny recipe's masking and learning rate reduce its loss."""
        trial = self._trial()
        with explained("a few training steps must work; check the tokenizer or reader, and the tiny recipe"):
            before, after = small_models.train_on_one_batch(trial)
        if not after < before:
            fail(
                f"{small_models.STEPS} steps on one batch change its loss from {before:.4g} to {after:.4g}, not "
                "down: change training.learning_rate of the recipe tiny, or check the encoded rows"
            )

    def test_padding_changes_nothing(self) -> None:
        """A row has the same latents alone and padded; sequences of vectors have no padding of their own."""
        if (registry := self._registry()).domain.input_kind == "continuous":
            self._sequences_have_no_padding(registry)
            return
        tokenizer, config = self._tokenizer(), self._pretraining("tiny")
        rows = self._rows_and_long_row(tokenizer)
        with explained("good_rows must be encoded alone and together"):
            together = small_models.latents_of(small_models.text_trial(tokenizer, config, rows))
            alone = [small_models.latents_of(small_models.text_trial(tokenizer, config, [row]))[0] for row in rows]
        for text, one, other in zip(rows, together, alone, strict=True):
            if one.shape != other.shape or float((one - other).abs().max()) > CLOSE:
                fail(
                    f"{text!r:.80} must give the same latents alone and padded: encode must give each "
                    "row its own ids and leave padding to the core"
                )

    def _sequences_have_no_padding(self, registry: Registry) -> None:
        """Fail when rows of one length end with positions without a value, which a model would take for inputs."""
        import numpy as np

        _, blocks = self._blocks(registry)
        if any(block.offsets is None for block in blocks):
            skip("the rows of a table have one length, so that none is padded")
        lengths = np.concatenate([block.sequences.lengths for block in blocks])  # (n,)
        ends = np.concatenate([parts.end_without_values(block, registry.domain.sentinels) for block in blocks])
        if len(set(lengths.tolist())) == 1 and ends.mean() > PADDED:
            fail(
                f"all rows have {lengths[0]:,} positions, and {ends.sum():,} of {len(ends):,} end with positions "
                "without a value: the reader must give each row its own positions only, with Block.offsets, and "
                "leave padding to the core"
            )

    def test_masks_hide_a_part_of_every_row(self) -> None:
        """The tiny recipe's masking hides and shows at least one input of each row, and never hides padding."""
        trial = self._trial()
        if trial.config.masking.strategy == "none":
            skip("the recipe tiny does not mask")
        with explained("masks must be chosen for the domain's rows; check the tiny recipe's masking"):
            hidden = small_models.choose_masks(trial).hidden
        real = trial.batch.padding_mask
        if bool((hidden & ~real).any()):
            fail("padding must never be hidden: the rows must have no padding of their own")
        for row in range(len(hidden)):
            inputs, masked = int(real[row].sum()), int(hidden[row].sum())
            if not 0 < masked < inputs:
                fail(
                    f"of {inputs} {'input' if inputs == 1 else 'inputs'} of a row, masks hide {masked}: a row "
                    "needs at least two inputs, one to hide and one to show, so give rows more features or ids"
                )

    def test_a_stopped_run_goes_on_to_the_same_weights(self) -> None:
        """A run of the tiny recipe that is stopped and resumed ends with bit-identical weights."""
        if threading.current_thread() is not threading.main_thread():
            skip("a run is stopped by a signal, which only the main thread receives")
        with tempfile.TemporaryDirectory() as folder, explained("training the recipe tiny, stopping and resuming"):
            data = write_rows(Path(folder), *self._rows_of_a_run())
            whole, resumed = weights_of_runs(self.domain, data, policy_for(self.domain), Path(folder))
        if whole.keys() != resumed.keys() or not all(bool((whole[name] == resumed[name]).all()) for name in whole):
            fail(
                "a stopped and resumed run must end with the weights of an uninterrupted one: a tokenizer, "
                "check or reader must be stateless and deterministic"
            )

    def _trial(self, rows: int = small_models.ROWS) -> TrialBatch:
        """Return a batch of good rows, or of numbers from the sample."""
        registry = self._registry()
        if registry.domain.input_kind == "discrete":
            tokenizer, good = self._tokenizer(), self._good_rows()[:rows]
            with explained("good_rows must be encoded; check the tokenizer and the tiny recipe"):
                return small_models.text_trial(tokenizer, self._pretraining("tiny"), good)
        _, blocks = self._blocks(registry)
        with explained("the sample must be standardised; check the reader and the tiny recipe"):
            return small_models.values_trial(blocks[0], registry.domain.sentinels, self._pretraining("tiny"), rows)

    def _rows_and_long_row(self, tokenizer: DiscreteTokenizer) -> list[str]:
        """Return good rows, and if it can be encoded, their concatenation, longer than a small model reads."""
        rows = self._good_rows()[: small_models.ROWS]
        joined = "".join(rows)
        longest = joined * (small_models.MAX_LENGTH // max(len(joined), 1) + 1)
        with contextlib.suppress(ValueError):
            tokenizer.encode([longest])
            rows.append(longest)
        return rows

    def _rows_of_a_run(self) -> tuple[list[str], object]:
        """Return texts, or the values (n, F) of a domain of numbers."""
        registry = self._registry()
        if registry.domain.input_kind == "continuous":
            return [], self._blocks(registry)[1][0].values[:ROWS_OF_A_RUN]
        rows = self._rows()[:ROWS_OF_A_RUN]
        return (rows * (ROWS_OF_A_RUN // len(rows) + 1))[:ROWS_OF_A_RUN], None
