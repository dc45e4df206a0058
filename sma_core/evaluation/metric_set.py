"""Compute all metrics of one kind of task; missing labels are left out.

Letters: n rows (or positions), T targets, C classes.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from sma_core.errors import ConfigError, PluginError
from sma_core.evaluation.calibration import Array
from sma_core.plugin_calls import given, is_number, reason_of_failure
from sma_core.plugins.loading import CORE
from sma_core.plugins.method_specs import Metric
from sma_core.plugins.registry import Registry

MetricFunction = Callable[..., float]
Figures = dict[str, float]
"""Values of metrics by name; NaN where undefined."""

CLASS_KINDS = ("multiclass", "per-position")
"""Kinds of task with one target and predictions of classes."""


@dataclass(frozen=True)
class MetricSet:
    """The metrics of a ``kind`` of task, from the core and from plugins, in the order in which they are shown."""

    kind: str
    functions: Mapping[Metric, MetricFunction]
    providers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, registry: Registry, kind: str) -> Self:
        """Import the metrics that the core and plugins of a domain register for ``kind``."""
        specs = [spec for spec in registry.in_order(Metric) if kind in spec.kinds]
        providers = {spec.name: registry.provider(spec) for spec in specs}
        return cls(kind, {spec: registry.build(spec) for spec in specs}, providers)

    def find(self, name: str | None, classes: int = 0, weighted: bool = False) -> Metric:
        """Return the metric ``name``; None is the kind's first.

        ``classes`` is the number of classes, 0 where it is unknown; ``weighted`` rows have weights. Raises
        `ConfigError` when a task of this kind, or with so few classes, has no such metric.
        """
        usable = {spec.name: spec for spec in self._usable(classes or math.inf, weighted)}
        if name is None:
            return next(iter(usable.values()))
        if name not in usable:
            of_weights = " of weighted rows" if weighted else ""
            raise ConfigError(f"a {self.kind} task{of_weights} has no metric {name!r}: it has {', '.join(usable)}")
        return usable[name]

    def compute(self, labels: Array, predictions: Array, weights: Array | None = None) -> Figures:
        """Return every metric, each the mean over the targets for which it is defined.

        ``labels`` (n, T) with NaN where missing; ``predictions`` (n, T), values in the labels' units for
        regression, probabilities otherwise. For classes T is 1, and the predictions are probabilities (n, C) or
        classes (n, 1). A metric is NaN where no target defines it. With ``weights`` (n,), metrics that take none
        are left out.
        """
        return self.mean(self.by_target(labels, predictions, weights))

    def by_target(self, labels: Array, predictions: Array, weights: Array | None = None) -> list[Figures]:
        """Return the metrics of each of the T targets; arguments as in `compute`."""
        from sklearn import config_context

        # Labels and probabilities are checked already: scikit-learn need not check them again.
        with config_context(assume_finite=True, skip_parameter_validation=True):
            if self.kind in CLASS_KINDS:
                return [self._of_known(labels[:, 0], predictions, predictions.shape[1], weights)]
            columns = zip(labels.T, predictions.T, strict=True)
            return [self._of_known(column, predicted, math.inf, weights) for column, predicted in columns]

    def mean(self, targets: Sequence[Figures]) -> Figures:
        """Return the mean of each metric over the targets for which it is defined."""
        names = targets[0] if targets else [spec.name for spec in self.functions]
        return {name: _mean_of_known([figures[name] for figures in targets]) for name in names}

    def _usable(self, classes: float, weighted: bool) -> list[Metric]:
        """Return the metrics of so many classes that can be computed with weights, or without."""
        return [
            spec
            for spec, function in self.functions.items()
            if classes > spec.more_classes_than
            and _takes_weights(function) in ("may", "must" if weighted else "no")
        ]

    def _of_known(self, labels: Array, predictions: Array, classes: float, weights: Array | None) -> Figures:
        """Return the metrics of one target over its known labels (n,); NaN without labels or without weight."""
        known = ~np.isnan(labels)
        specs = self._usable(classes, weights is not None)
        if not known.any() or not (weights is None or weights[known].sum() > 0.0):
            return {spec.name: math.nan for spec in specs}
        weighted = {} if weights is None else {"weights": weights[known]}
        return {spec.name: self._value(spec, labels[known], predictions[known], weighted) for spec in specs}

    def _value(self, spec: Metric, labels: Array, predictions: Array, weights: dict[str, Array]) -> float:
        name = f"the metric {spec.name!r} of {self.providers.get(spec.name, 'a plugin')}"
        try:
            value: object = self.functions[spec](labels, predictions, **weights)
        except Exception as error:
            raise PluginError(
                f"{name} failed on {len(labels)} labels and predictions of shape {predictions.shape}: "
                f"{reason_of_failure(error)}"
            ) from error
        if not is_number(value):
            raise PluginError(f"{name} must return a number, NaN where it is undefined, not {given(value)}")
        number = float(value)  # type: ignore[arg-type]
        if math.isinf(number) and self.providers.get(spec.name) != CORE:
            raise PluginError(f"{name} must return a finite number, or NaN where it is undefined, not {number}")
        return number


def _takes_weights(function: MetricFunction) -> str:
    """Return whether a metric has a parameter ``weights``: ``no``, ``may`` (with a default) or ``must``."""
    parameter = inspect.signature(function).parameters.get("weights")
    if parameter is None:
        return "no"
    return "must" if parameter.default is parameter.empty else "may"


def _mean_of_known(values: Sequence[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else math.nan


ROUNDING = 1e-9
"""Distance from 0 to 1 up to which an area under a curve is rounded, not outside."""


def beyond_range(figures: Mapping[str, float]) -> list[str]:
    """Return a sentence on areas under curves outside 0 to 1, which negative weights of rows can give."""
    names = [
        name
        for name in ("roc_auc", "pr_auc")
        if not -ROUNDING <= figures.get(name, 0.0) <= 1 + ROUNDING and figures[name] == figures[name]
    ]
    return [f"{' and '.join(names)} outside 0 to 1: some weights of rows are negative"] if names else []
