"""The contract for a domain whose author gave no rows: good ones are taken from its own sample."""

from __future__ import annotations

from sma_kit.contract import DomainContract
from sma_kit.verdicts import skip

GOOD_ROWS = 16


class SampledContract(DomainContract):
    """`DomainContract` without rows of the author's: what needs rows that must be refused is skipped."""

    def _good_rows(self) -> list[str]:
        from sma_core.data.records import Row

        found = self._sample_records()
        texts = [record.text for record in found[1] if isinstance(record, Row)] if found else []
        check = self._registry().domain.check
        if check and texts:
            texts = [
                text for text, answer in zip(texts, self._answers(check, texts), strict=True) if answer is None
            ]
        if not texts:
            skip("the default data set does not ship: good_rows in a test of the plugin's own would give rows")
        return texts[:GOOD_ROWS]

    def test_check_rejects_bad_rows_with_a_reason(self) -> None:
        """Only the author knows rows that must be refused."""
        skip("bad_rows in a test of the plugin's own would give rows that must be refused")
