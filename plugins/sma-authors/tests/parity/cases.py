"""The recorded cases, and what failed among verdicts."""

from pathlib import Path

from sma_authors.comparison import Verdict

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(path.parent.name for path in FIXTURES.glob("*/config.json"))


def failures(verdicts: list[Verdict]) -> set[str]:
    return {verdict.tensor for verdict in verdicts if verdict.verdict == "fail"}
