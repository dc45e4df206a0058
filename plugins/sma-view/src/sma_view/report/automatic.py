"""The report that is written to the folder of each finished run, unless ``SMA_REPORT=off``."""

from __future__ import annotations

import json
import logging
import os
from importlib.util import find_spec
from pathlib import Path

from sma_core.errors import SmaError

logger = logging.getLogger("sma")

VARIABLE = "SMA_REPORT"
MOST_ROWS = 20_000
"""Most test rows that are predicted for the charts of a report that nobody asked for."""


def write_report(run: Path) -> Path | None:
    """Write ``report.html``, and return its path; None if it is switched off or matplotlib is missing.

    A report that cannot be written is a warning: the run is complete.
    """
    if os.environ.get(VARIABLE, "").lower() == "off" or find_spec("matplotlib") is None:
        return None
    from sma_view.finished_run import policy_of, without_warnings
    from sma_view.report.report import report

    try:
        with without_warnings():
            return report(run, predictions=0 < _test_rows(run) <= MOST_ROWS, policy=policy_of(run)).page
    except SmaError as error:
        logger.warning("the report of %s was not written: %s", run, error)
        return None


def _test_rows(run: Path) -> int:
    """Return the number of rows that a report would predict; 0 where the test must not be looked at."""
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    rows = results.get("rows")
    if not isinstance(rows, dict) or (rows.get("test") and not results.get("test")):
        return 0
    return int(max(rows.get("test", 0), rows.get("valid", 0)))
