"""Weights of classes in the loss, as a setting: ``balanced``, or numbers by name."""

from __future__ import annotations

import math

from sma_core.config.settings import split_names

BALANCED = "balanced"


def class_weights_of(text: str) -> dict[str, float]:
    """Parse ``NAME=NUMBER`` pairs between commas; a name with a comma stands in double quotes with its number.

    Raises `ValueError` for anything else, a name given twice, and numbers that are not positive and finite.

    >>> class_weights_of("active=5, inactive=1")
    {'active': 5.0, 'inactive': 1.0}
    """
    weights: dict[str, float] = {}
    for pair in split_names(text):
        name, _, number = (part.strip() for part in pair.rpartition("="))
        try:
            weight = float(number)
        except ValueError:
            weight = math.nan
        if not name or name in weights or not 0 < weight < math.inf:
            raise ValueError(
                "class_weights is balanced, or a positive number for each name, such as active=5,inactive=1, not "
                f"{text!r}"
            )
        weights[name] = weight
    return weights
