"""Contract checks of columns that are added to predictions."""

from __future__ import annotations

import inspect

from sma_core.plugins.specs import PredictionColumns
from sma_kit.subject import Subject
from sma_kit.verdicts import explained, fail, skip


class PredictionColumnsChecks(Subject):
    """Checks of what `sma predict` adds to predictions; what it returns is checked when it runs."""

    def test_prediction_columns_have_their_signatures(self) -> None:
        """A factory takes the models and a value; if it is a class, its methods take their arguments."""
        from sma_core.plugins.imports import resolve

        specs = [spec for spec in self._plugin_specs() if isinstance(spec, PredictionColumns)]
        if not specs:
            skip("the plugin has no PredictionColumns")
        for spec in specs:
            part = f"the PredictionColumns {spec.name!r}"
            with explained(f"{part} must be importable"):
                factory = resolve(spec.factory, part)
            _check(factory, f"the factory of {part}", "(models, value)")
            if inspect.isclass(factory):
                columns = getattr(factory, "columns", None)
                if not callable(columns):
                    fail(f"{part} must have a method columns(chunk, predictions)")
                _check(columns, f"{part}.columns", "(self, chunk, predictions)")
                if hasattr(factory, "figures"):
                    _check(factory.figures, f"{part}.figures", "(self, judged)")


def _check(function: object, name: str, arguments: str) -> None:
    """Fail unless ``function`` can be called with so many positional arguments."""
    if not callable(function):
        fail(f"{name} must be a function or a class, not {type(function).__name__}")
    try:
        inspect.signature(function).bind(*arguments.split(", "))
    except TypeError as error:
        fail(f"{name} must take {arguments}: {error}")
    except ValueError:  # a built-in function has no signature
        return
