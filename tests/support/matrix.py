"""Which cases of a matrix every test run takes; the others are marked ``full`` and wait for the complete one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def full_but(kept: Collection[Any], cases: Iterable[Any]) -> list[Any]:
    """Return the cases for ``pytest.mark.parametrize``: all but ``kept`` marked ``full``."""
    cases = list(cases)
    assert all(case in cases for case in kept), f"no case is {kept}"
    return [
        case
        if case in kept
        else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.full)
        for case in cases
    ]
