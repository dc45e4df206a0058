"""The checks of the contract that see rows of the domain in training: padding, masks, losses, a resumed run."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sma_kit.checks import small_models
from sma_kit.checks.resumed_run import weights_of_runs, write_rows
from sma_kit.subject import Subject, policy_for
from sma_kit.verdicts import explained, fail, skip

if TYPE_CHECKING:
    from sma_core.data.tokenizers import DiscreteTokenizer
    from sma_kit.checks.small_models import Trial

CLOSE = 1e-4
ROWS_OF_A_RUN = 48


class TrainingChecks(Subject):
    """Checks of batches, masks and losses on good rows (for numbers: on the sample), and of a resumed run."""

    def test_one_training_step_is_finite(self) -> None:
        """A small model takes one step on good rows and one too long for it, masked as the tiny recipe says."""
        tokenizer = self._tokenizer()
        with explained("one training step on good_rows must work; look at the tokenizer and the tiny recipe"):
            trial = small_models.text_trial(
                tokenizer, self._pretraining("tiny"), self._rows_and_a_long_one(tokenizer)
            )
            finite = small_models.train_a_step(trial)
        if not finite:
            fail("one training step on good_rows gives no finite loss: look at the tokenizer's ids")

    def test_a_batch_of_one_row_trains(self) -> None:
        """One row by itself has a finite loss."""
        trial = self._trial(rows=1)
        with explained("one training step on a single row must work"):
            finite = small_models.train_a_step(trial)
        if not finite:
            fail("one training step on a single row gives no finite loss: look at what reader or tokenizer give")

    def test_training_lowers_the_loss_of_one_batch(self) -> None:
        """A few steps on one batch, with the tiny recipe's masking and learning rate, make its loss smaller."""
        trial = self._trial()
        with explained("a few training steps must work; look at tokenizer or reader, and the tiny recipe"):
            before, after = small_models.train_on_one_batch(trial)
        if not after < before:
            fail(
                f"{small_models.STEPS} steps on one batch take its loss from {before:.4g} to {after:.4g}, not "
                "down: change training.learning_rate of the recipe tiny, or look at what the rows are made into"
            )

    def test_padding_changes_nothing(self) -> None:
        """A row gives the same latents alone and padded beside a longer one."""
        tokenizer, config = self._tokenizer(), self._pretraining("tiny")
        rows = self._rows_and_a_long_one(tokenizer)
        with explained("good_rows must be encoded alone and together"):
            together = small_models.latents_of(small_models.text_trial(tokenizer, config, rows))
            alone = [small_models.latents_of(small_models.text_trial(tokenizer, config, [row]))[0] for row in rows]
        for text, one, other in zip(rows, together, alone, strict=True):
            if one.shape != other.shape or float((one - other).abs().max()) > CLOSE:
                fail(
                    f"{text!r:.80} must give the same latents alone and beside longer rows: encode must give each "
                    "row its own ids and leave padding to the core"
                )

    def test_masks_hide_a_part_of_every_row(self) -> None:
        """The tiny recipe's masking hides one input of each row at least, leaves one, and never hides padding."""
        trial = self._trial()
        if trial.config.masking.strategy == "none":
            skip("the recipe tiny hides nothing")
        with explained("masks must be chosen for the domain's rows; look at the tiny recipe's masking"):
            hidden = small_models.choose_masks(trial).hidden
        real = trial.batch.padding_mask
        if bool((hidden & ~real).any()):
            fail("padding must never be hidden: the rows must have no padding of their own")
        for row in range(len(hidden)):
            inputs, masked = int(real[row].sum()), int(hidden[row].sum())
            if not 0 < masked < inputs:
                fail(
                    f"of {inputs} inputs of a row, masks hide {masked}: a row needs two inputs at least, one to "
                    "hide and one to see, so give rows more features or more ids"
                )

    def test_a_stopped_run_goes_on_to_the_same_weights(self) -> None:
        """`train` with the tiny recipe, stopped after half of a few steps and resumed, ends bit for bit alike."""
        if threading.current_thread() is not threading.main_thread():
            skip("a run is stopped by a signal, which only the main thread gets")
        with tempfile.TemporaryDirectory() as folder, explained("training the recipe tiny, stopping and resuming"):
            data = write_rows(Path(folder), *self._rows_of_a_run())
            whole, resumed = weights_of_runs(self.domain, data, policy_for(self.domain), Path(folder))
        if whole.keys() != resumed.keys() or not all(bool((whole[name] == resumed[name]).all()) for name in whole):
            fail(
                "a run that was stopped and resumed must end with the weights of one that was not: a tokenizer, "
                "check or reader may keep nothing from one call to the next, and draw nothing at random"
            )

    def _trial(self, rows: int = small_models.ROWS) -> Trial:
        """Make a batch of good rows, or of numbers from the sample."""
        registry = self._registry()
        if registry.domain.input_kind == "discrete":
            tokenizer, good = self._tokenizer(), self._good_rows()[:rows]
            with explained("good_rows must be encoded; look at the tokenizer and the tiny recipe"):
                return small_models.text_trial(tokenizer, self._pretraining("tiny"), good)
        _, blocks = self._blocks(registry)
        with explained("the sample must be standardised; look at the reader and the tiny recipe"):
            return small_models.values_trial(blocks[0], registry.domain.sentinels, self._pretraining("tiny"), rows)

    def _rows_and_a_long_one(self, tokenizer: DiscreteTokenizer) -> list[str]:
        """Return good rows, and them joined to more ids than a small model takes, where such a text has ids."""
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
