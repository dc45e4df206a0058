"""The decorator that registers a metric: its name and its code stand in one place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from sma_core.plugins.method_specs import Metric
from sma_core.plugins.specs import TaskKind

F = TypeVar("F", bound=Callable[..., Any])
_SPEC = "sma_metric"


def metric(name: str, *kinds: TaskKind, higher_is_better: bool, more_classes_than: int = 0) -> Callable[[F], F]:
    """Register a function ``(labels, predictions) -> float`` of a module as a metric of tasks of some ``kinds``.

    The first line of the function's docstring is the metric's summary; the other arguments are those of `Metric`.
    `metrics_in` collects the metrics of a module.

    >>> @metric("bias", "regression", higher_is_better=False)
    ... def bias(labels, predictions):
    ...     '''Mean of prediction minus label.'''
    ...     return float((predictions - labels).mean())
    >>> bias.sma_metric.summary
    'Mean of prediction minus label.'
    """

    def register(function: F) -> F:
        spec = Metric(
            name=name,
            summary=(function.__doc__ or "").strip().partition("\n")[0],
            factory=f"{function.__module__}:{function.__qualname__}",
            kinds=kinds,
            higher_is_better=higher_is_better,
            more_classes_than=more_classes_than,
        )
        setattr(function, _SPEC, spec)
        return function

    return register


def metrics_in(module: str) -> list[Metric]:
    """Return the metrics that an imported module defines, in the order of its text; pass ``__name__``."""
    members = vars(sys.modules[module]).values()
    specs = [getattr(member, _SPEC, None) for member in members if getattr(member, "__module__", "") == module]
    return [spec for spec in specs if isinstance(spec, Metric)]
