"""Fail or skip a check of the contract with one sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from sma_core.errors import SmaError


@contextmanager
def explained(advice: str) -> Iterator[None]:
    """Turn any exception into a failed check whose message begins with ``advice``."""
    try:
        yield
    except Exception as error:
        reason = str(error) if isinstance(error, SmaError) else f"{type(error).__name__}: {error}"
        fail(f"{advice}: {reason}")


def fail(sentence: str) -> NoReturn:
    """Fail the check with a sentence that says what to change."""
    import pytest

    pytest.fail(sentence, pytrace=False)


def skip(reason: str) -> NoReturn:
    """Skip the check with the reason why it does not apply."""
    import pytest

    pytest.skip(reason)
