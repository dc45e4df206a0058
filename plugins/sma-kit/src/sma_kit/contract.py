"""The contracts of domains and of extensions, as tests that authors inherit.

A failing check says in one sentence what to change in the plugin. Checks that do not apply (no check function, no
sample) are skipped with a reason. There is one mix-in class per kind of part; `docs/testing-plugins.md` lists all
checks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sma_core.plugins.loading import usable_plugin
from sma_core.plugins.registry import specs_alone
from sma_core.plugins.specs import Head, Spec
from sma_kit.checks.added_files import AddedFileChecks
from sma_kit.checks.baselines import BaselineChecks
from sma_kit.checks.data_sets import DataSetChecks
from sma_kit.checks.heads import HeadChecks
from sma_kit.checks.method_parts import MethodChecks
from sma_kit.checks.numbers import NumbersChecks
from sma_kit.checks.prediction_columns import PredictionColumnsChecks
from sma_kit.checks.readers import ReaderChecks
from sma_kit.checks.renderers import DrawingChecks
from sma_kit.checks.row_check import CheckFunctionChecks
from sma_kit.checks.shipped_files import ShippedChecks
from sma_kit.checks.specs import ReferenceChecks, SpecChecks
from sma_kit.checks.splitters import SplitterChecks
from sma_kit.checks.table_formats import TableFormatChecks
from sma_kit.checks.tokenizers import TokenizerChecks
from sma_kit.checks.training import TrainingChecks
from sma_kit.verdicts import explained


class DomainContract(  # pytest runs the checks of the last base class first
    DrawingChecks,
    ShippedChecks,
    TrainingChecks,
    BaselineChecks,
    PredictionColumnsChecks,
    TableFormatChecks,
    MethodChecks,
    HeadChecks,
    SplitterChecks,
    NumbersChecks,
    TokenizerChecks,
    CheckFunctionChecks,
    ReaderChecks,
    DataSetChecks,
    SpecChecks,
):
    """Base class of contract tests; subclass it and set at least ``domain`` and, for text, ``good_rows``.

    Attributes:
        domain: Name of the domain.
        good_rows: Rows of text that the domain's check accepts; not needed for a domain of numbers.
        bad_rows: Rows that the check rejects.
        sample_file: A file in the domain's default format, needed only when no data set ships.
        allowed_imports: Third-party packages, quick to import, that the entry module may import.
    """


class ExtensionContract(
    AddedFileChecks, PredictionColumnsChecks, TableFormatChecks, MethodChecks, HeadChecks, ReferenceChecks
):
    """Base class of contract tests of a plugin that adds to a domain, or to every domain; set ``plugin``.

    Attributes:
        plugin: Name of the entry point, such as ``any.lab``.
    """

    def _plugin_specs(self) -> list[Spec]:
        with explained("the plugin must load"):
            return specs_alone(usable_plugin(self.plugin))

    def _heads(self) -> Iterator[tuple[Head, Any]]:
        return self._own_parts(Head)
