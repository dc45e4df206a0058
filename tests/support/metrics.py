"""The core's metrics, without a plugin."""

from __future__ import annotations

from sma_core.evaluation.metric_set import MetricSet
from sma_core.evaluation.metrics import METRICS
from sma_core.plugins.imports import resolve


def core_metrics(kind: str) -> MetricSet:
    """Return the core's metrics of a kind of task."""
    specs = [spec for spec in METRICS if kind in spec.kinds]
    return MetricSet(kind, {spec: resolve(spec.factory, spec.name) for spec in specs})
