"""The contract for a domain without author-provided rows: good rows are taken from its sample."""

from __future__ import annotations

from sma_kit.contract import DomainContract
from sma_kit.subject import NO_SAMPLE
from sma_kit.verdicts import skip

GOOD_ROWS = 16


class SampledContract(DomainContract):
    """`DomainContract` on rows of the domain's sample; checks that need bad rows are skipped."""

    def _good_rows(self) -> list[str]:
        from sma_core.data.records import Row

        sample = self._sample_records()
        texts = [record.text for record in sample[1] if isinstance(record, Row)] if sample else []
        check = self._registry().domain.check
        if check and texts:
            texts = [
                text for text, answer in zip(texts, self._answers(check, texts), strict=True) if answer is None
            ]
        if not texts:
            skip(NO_SAMPLE)
        return texts[:GOOD_ROWS]

    def test_check_rejects_bad_rows_with_a_reason(self) -> None:
        """Skip: only the author knows rows that must be rejected."""
        skip("set bad_rows in a test of the plugin to check that bad rows are rejected")
