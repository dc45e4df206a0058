"""The metrics of the core: decorated functions, in the order in which they are shown.

Each takes labels (n,), none missing, and predictions of n rows or positions: values (n,) in the labels' units,
probabilities (n,) of a binary target, probabilities (n, C) of classes, or the classes themselves (n, 1); and, if
it supports them, weights (n,) of rows, which may be negative. It returns NaN where it is undefined. The first
metric of a kind of task selects its checkpoint unless the task names another.

scikit-learn is imported when a metric is computed, so that the names cost nothing.
"""

from __future__ import annotations

from sma_core.evaluation.metrics import classes, rankings, regression
from sma_core.plugins.metrics import metrics_in

METRICS = [spec for module in (regression, rankings, classes) for spec in metrics_in(module.__name__)]
