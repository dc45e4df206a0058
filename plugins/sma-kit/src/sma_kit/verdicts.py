"""Fail or skip a check of the contract with one sentence."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from sma_core.errors import SmaError


def with_its_rule(check: Callable[..., None]) -> Callable[..., None]:
    """Let a check that meets an unexpected exception fail with its rule, the first line of its docstring."""

    @functools.wraps(check)
    def checked(*arguments: object) -> None:
        with explained(f"the contract says: {(inspect.getdoc(check) or check.__name__).rstrip('.')}"):
            check(*arguments)

    return checked


@contextmanager
def explained(advice: str) -> Iterator[None]:
    """Turn any exception into a failed check whose message begins with ``advice``."""
    try:
        yield
    except Exception as error:
        reason = str(error) if isinstance(error, SmaError) else f"{type(error).__name__}: {error}"
        fail(f"{advice}: {reason}")


def needs_missing_package(error: BaseException) -> str | None:
    """Return sma-view or sma-bench when ``error`` comes from importing it where it is not installed, else None.

    Plugins import these only for drawings and baselines, and need not require them.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError) and cause.name in ("sma_view", "sma_bench"):
            return cause.name.replace("_", "-")
        cause = cause.__cause__
    return None


def fail(sentence: str) -> NoReturn:
    """Fail the check with a sentence that says what to change."""
    import pytest

    pytest.fail(sentence, pytrace=False)


def skip(reason: str) -> NoReturn:
    """Skip the check with the reason why it does not apply."""
    import pytest

    pytest.skip(reason)
