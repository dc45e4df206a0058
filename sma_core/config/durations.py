"""Parse durations such as ``3h55m``, ``90s`` and ``1d``."""

from __future__ import annotations

import re

_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
LONGEST = 36_500 * 86_400
"""Seconds of the longest duration."""
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+")


def seconds_of(text: str) -> float:
    """Return a duration in seconds; raises `ValueError` when ``text`` is not one."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"write a time with its units, such as 3h55m, 90m or 1d12h, not {text!r}")
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([dhms])", text))
    if seconds > LONGEST:
        raise ValueError("a time is at most 36500 days")
    return seconds
