"""How a check of the contract ends: with one sentence, or skipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from sma_core.errors import SmaError


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn any error into a failure that begins with what to do."""
    try:
        yield
    except Exception as error:
        reason = str(error) if isinstance(error, SmaError) else f"{type(error).__name__}: {error}"
        fail(f"{what}: {reason}")


def fail(sentence: str) -> NoReturn:
    """Fail the check with one sentence that says what to change."""
    import pytest

    pytest.fail(sentence, pytrace=False)


def skip(reason: str) -> NoReturn:
    """Leave the check out, and say why it does not apply."""
    import pytest

    pytest.skip(reason)
