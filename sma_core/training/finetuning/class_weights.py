"""Weights of classes in the loss by name, and as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sma_core.errors import ConfigError
from sma_core.training.finetuning.targets import Binary, Multiclass, MultiLabel, Targets

ZERO_AND_ONE = ("0", "1")
MOST_SHOWN = 8


def weighted(targets: Targets, weights: Mapping[str, float]) -> Targets:
    """Return ``targets`` with class weights by name, 1 for classes without one.

    With several targets, names are those of targets, and the weights those of their label 1. Raises `ConfigError`
    for another name, and if labels are not classes.
    """
    if isinstance(targets, Binary):
        negative, positive = _by_name(weights, targets.classes or ZERO_AND_ONE, "classes")
        return replace(targets, negative_weights=(negative,), positive_weights=(positive,))
    if isinstance(targets, MultiLabel):
        return replace(targets, positive_weights=_by_name(weights, targets.names, "targets"))
    if isinstance(targets, Multiclass):
        return replace(targets, class_weights=_by_name(weights, targets.classes, "classes"))
    raise ConfigError(f"class_weights requires class labels, not labels of kind {targets.kind}: remove it")


def class_weights_text(targets: Targets) -> str:
    """Return the class weights as text, the first ones if there are many; empty if all are 1."""
    if isinstance(targets, Binary) and targets.positive_weights:
        weights = (*(targets.negative_weights or (1.0,)), *targets.positive_weights)
        return _listed(targets.classes or ZERO_AND_ONE, weights)
    if isinstance(targets, MultiLabel) and targets.positive_weights:
        return "label 1 of " + _listed(targets.names, targets.positive_weights)
    if isinstance(targets, Multiclass) and targets.class_weights:
        return _listed(targets.classes, targets.class_weights)
    return ""


def _by_name(weights: Mapping[str, float], names: Sequence[str], what: str) -> tuple[float, ...]:
    unknown = [name for name in weights if name not in names]
    if unknown:
        known = ", ".join(map(repr, names[:MOST_SHOWN])) + (", …" if len(names) > MOST_SHOWN else "")
        raise ConfigError(
            f"`class_weights` names {', '.join(map(repr, unknown))}, but the {what} are {known}: correct the name"
        )
    return tuple(weights.get(name, 1.0) for name in names)


def _listed(names: Sequence[str], weights: Sequence[float]) -> str:
    pairs = [f"{name} {weight:.4g}" for name, weight in zip(names, weights, strict=True)]
    more = len(pairs) - MOST_SHOWN
    return ", ".join(pairs[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
