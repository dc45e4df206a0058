"""Contract checks of the domain's check function, which returns why rows are unusable."""

from __future__ import annotations

from sma_kit.checks import hostile, worker_process
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail


class CheckFunctionChecks(Subject):
    """Checks of the check function; all are skipped for a domain without one."""

    def test_check_accepts_good_rows(self) -> None:
        """The check returns one item per row, None for every good row."""
        reference, rows = self._check(), self._good_rows()
        answers = self._answers(reference, rows)
        for text, answer in zip(rows, answers, strict=True):
            if answer is not None:
                fail(f"{reference} must return None for the good row {text!r}, not {answer!r}")
        self._answers(reference, [])

    def test_check_rejects_bad_rows_with_a_reason(self) -> None:
        """The check returns a reason for every bad row, independent of its neighbours."""
        reference = self._check()
        if not self.bad_rows:
            fail("set bad_rows on the test class to a few rows that the domain's check must reject")
        rows = [*self._good_rows()[:1], *self.bad_rows]
        for text, answer in list(zip(rows, self._answers(reference, rows), strict=True))[1:]:
            if not isinstance(answer, str) or not answer.strip():
                fail(f"{reference} must return a reason for the bad row {text!r}, not {answer!r}")

    def test_check_answers_hostile_rows(self) -> None:
        """The check returns None or a printable one-line reason for any row."""
        reference = self._check()
        for words, text in (hostile.TEXTS | hostile.UNDECODABLE).items():
            (answer,) = self._answers(reference, [text], words)
            if answer is not None and not _is_reason(answer):
                fail(f"{reference} must return None or a one-line reason for {words}, not {answer!r:.100}")

    def test_check_judges_each_row_alone(self) -> None:
        """The result for a row depends only on the row, not on its neighbours or previous calls."""
        reference, rows = self._check(), [*self._good_rows(), *self.bad_rows]
        there = dict(zip(rows, self._answers(reference, rows), strict=True))
        back = dict(zip(rows[::-1], self._answers(reference, rows[::-1]), strict=True))
        for text in rows:
            if not there[text] == back[text] == self._answers(reference, [text])[0]:
                fail(f"{reference} must return the same result for {text!r} each time, alone and with other rows")

    def test_check_works_in_another_process(self) -> None:
        """A spawned process can import the check by reference and gets the same results."""
        reference, rows = self._check(), [*self._good_rows(), *self.bad_rows]
        with explained(f"{reference} must work in a spawned process"):
            there = worker_process.in_new_process(worker_process.answers, reference, rows)
        if there != self._answers(reference, rows):
            fail(f"{reference} must return the same results in another process")


def _is_reason(answer: object) -> bool:
    from sma_core.data.records import is_decoded

    return (
        isinstance(answer, str) and bool(answer.strip()) and len(answer.splitlines()) == 1 and is_decoded(answer)
    )
