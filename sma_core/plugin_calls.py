"""Call functions of plugins so that an exception, or a wrong result, is one sentence that names the plugin.

The exception is the cause of the `PluginError`, so that ``--debug`` shows its traceback.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sma_core.errors import PluginError, SmaError

PASSED_ON = (SmaError, OSError, MemoryError)
"""Exceptions that are not defects of a plugin, or have a sentence of their own."""

Fault = Callable[..., str | None]
"""``fault(result, *arguments)`` says what was expected of a result; None if it is right."""


@contextmanager
def errors_of(function: str) -> Iterator[None]:
    """Raise an exception within the context as `PluginError`: ``"{function} failed: ValueError: …"``.

    ``function`` names the function and the plugin. Errors that have a sentence of their own are passed on.
    """
    try:
        yield
    except PASSED_ON:
        raise
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported here
            raise
        raise PluginError(f"{function} failed: {reason_of_failure(error)}") from error


def reason_of_failure(error: BaseException) -> str:
    """Return the type and the first line of an exception."""
    lines = str(error).splitlines()
    return ": ".join([type(error).__name__, *lines[:1]])


def check_result(function: str, fault: str | None) -> None:
    """Raise `PluginError` with the name of a function and what it must return, unless ``fault`` is None."""
    if fault is not None:
        raise PluginError(f"{function} must return {fault}")


@dataclass(eq=False)
class Guarded:
    """A function of a plugin whose exceptions and wrong results are a `PluginError`.

    It has the signature of the function; a deep copy of it belongs to the copied object.
    """

    function: Callable[..., Any]
    name: str
    fault: Fault

    def __call__(self, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - those of the function
        """Call the function; raises `PluginError` as `errors_of` and `check_result` do."""
        with errors_of(self.name):
            result = self.function(*arguments, **named)
        check_result(self.name, self.fault(result, *arguments))
        return result

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.function)


def guard(owner: object, method: str, part: str, fault: Fault) -> None:
    """Replace a method of a plugin's object by a `Guarded` one; ``part`` names the object and the plugin."""
    setattr(owner, method, Guarded(getattr(owner, method), f"{method} of {part}", fault))


def is_number(value: object) -> bool:
    """Return whether a value is a real number, or an array or tensor of one number without dimensions."""
    is_other = isinstance(value, str | bytes | complex) or getattr(value, "ndim", 0) != 0
    return not is_other and hasattr(value, "__float__")


def given(value: object) -> str:
    """Return a value in words, for messages: its type, with the shape of an array."""
    shape = getattr(value, "shape", None)
    name = type(value).__name__
    return name if shape is None else f"{name} of shape {tuple(shape)} and type {getattr(value, 'dtype', '?')}"
