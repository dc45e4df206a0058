"""The settings that a search varies: ranges of numbers, or choices.

Texts have the form ``training.learning_rate=1e-5..1e-3``, or ``training.batch_size=16,32,64``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sma_core.config.layers import flatten, parse_assignments
from sma_core.errors import UserError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

RANGE = ".."
DEFAULT = ("training.learning_rate=1e-5..1e-3", "training.layer_decay=0.6..1.0", "training.batch_size=16,32,64")
"""Settings that matter for most fine-tunings."""
LOGARITHMIC = 10.0
"""Ranges of positive numbers whose ends differ by this factor are searched on a logarithmic scale."""


def parse_space(texts: Sequence[str]) -> dict[str, BaseDistribution]:
    """Return the distribution of each setting; raises `UserError` for a text of another form."""
    space: dict[str, BaseDistribution] = {}
    for text in texts:
        name, equals, values = text.partition("=")
        name = name.strip()
        if not equals or not name or not values.strip():
            raise UserError(f"{text!r} is no range of a setting: write NAME=LOW..HIGH or NAME=A,B,C")
        if name in space:
            raise UserError(f"{name} is given twice")
        space[name] = _range(text, values) if RANGE in values else _choices(text, name, values)
    return space


def _range(text: str, values: str) -> BaseDistribution:
    """Return a range of whole numbers if both ends are, else of real numbers."""
    from optuna.distributions import FloatDistribution, IntDistribution

    low_text, _, high_text = values.partition(RANGE)
    try:
        low, high = float(low_text), float(high_text)
    except ValueError as error:
        raise UserError(f"{text!r} must have two numbers around {RANGE}") from error
    if not low < high:
        raise UserError(f"{text!r}: the first number must be below the second")
    logarithmic = low > 0 and high / low >= LOGARITHMIC
    whole = all(part.strip().lstrip("-").isdigit() for part in (low_text, high_text))
    if whole:
        return IntDistribution(int(low), int(high), log=logarithmic)
    return FloatDistribution(low, high, log=logarithmic)


def _choices(text: str, name: str, values: str) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution

    parts = [part.strip() for part in values.split(",")]
    if len(parts) < 2 or len(set(parts)) < len(parts) or not all(parts):
        raise UserError(f"{text!r} needs two or more different choices")
    return CategoricalDistribution([_value(name, part) for part in parts])


def _value(name: str, text: str) -> Any:  # noqa: ANN401 - settings of any type
    """Return a value as ``--set`` reads it."""
    parsed: Mapping[str, Any] = dict(flatten(parse_assignments([f"{name}={text}"])))
    return parsed[name]
