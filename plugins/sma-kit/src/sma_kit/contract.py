"""What every domain plugin must hold to, as tests that its author inherits.

Each check fails with one sentence that says what to change in the plugin. A check that does not apply
(no check function, no sample) is skipped and says so. The checks are in mix-ins, one for each kind of part;
`docs/testing-plugins.md` lists them all.
"""

from __future__ import annotations

from sma_kit.checks.data_sets import DataSetChecks
from sma_kit.checks.heads import HeadChecks
from sma_kit.checks.numbers import NumbersChecks
from sma_kit.checks.readers import ReaderChecks
from sma_kit.checks.renderers import DrawingChecks
from sma_kit.checks.row_check import CheckFunctionChecks
from sma_kit.checks.shipped_files import ShippedChecks
from sma_kit.checks.specs import SpecChecks
from sma_kit.checks.splitters import SplitterChecks
from sma_kit.checks.tokenizers import TokenizerChecks
from sma_kit.checks.training import TrainingChecks


class DomainContract(  # pytest runs the checks of the last one first
    DrawingChecks,
    ShippedChecks,
    TrainingChecks,
    HeadChecks,
    SplitterChecks,
    NumbersChecks,
    TokenizerChecks,
    CheckFunctionChecks,
    ReaderChecks,
    DataSetChecks,
    SpecChecks,
):
    """Subclass this in a test and set ``domain`` and ``good_rows``; the rest may stay.

    A domain of numbers needs no ``good_rows``.
    ``good_rows`` are inputs the domain's check accepts, ``bad_rows`` some it refuses. ``sample_file`` is a
    file in the domain's default format, needed only when no data set ships. ``allowed_imports`` are
    third-party packages that the entry module may import because they are quick to import.
    """
