"""Ctrl-C, SIGTERM, SIGUSR1 and a time limit ask for a stop after a step; a second Ctrl-C stops at once.

Before the first step there is nothing to save: SIGTERM and SIGUSR1 then stop at once, and cleanly.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from sma_core.errors import StoppedOnRequest

STOP_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGUSR1") if hasattr(signal, name))
TERMINATED = tuple(number for number in STOP_SIGNALS if number != signal.SIGINT)
STOP_FILE = "SMA_STOP_FILE"
"""Variable with the name of a file that asks too, once it is there: how an agent asks its ranks."""


class _Terminated(KeyboardInterrupt):
    """SIGTERM or SIGUSR1, on its way up as Ctrl-C goes: nothing between catches it for an error of its own."""


@contextmanager
def stop_immediately() -> Iterator[None]:
    """Let SIGTERM and SIGUSR1 end what is done inside, where there is nothing to save yet.

    Raises `StoppedOnRequest` then. Outside the main thread nothing is changed.
    """

    def stop(number: int, frame: FrameType | None) -> None:
        raise _Terminated

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in TERMINATED}
    try:
        yield
    except _Terminated:
        raise StoppedOnRequest(
            "stopped as asked before training began; nothing is saved or lost yet: give the same command again"
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopRequest:
    """A flag that the signals set while the context is open; ``requested`` is looked at after each step.

    ``until`` is a time of ``time.monotonic()`` that asks too, whatever is done to the machine's clock. Outside the
    main thread no handler is put in place, and only `request` sets the flag.
    """

    def __init__(self, until: float | None = None) -> None:
        self._asked = False
        self._until = until
        self._file = Path(os.environ[STOP_FILE]) if STOP_FILE in os.environ else None
        self._before: dict[signal.Signals, Any] = {}

    def request(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ask for a stop; asked a second time by Ctrl-C, raise `KeyboardInterrupt`."""
        if self._asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._asked = True

    @property
    def requested(self) -> bool:
        """Whether a stop was asked for, or the time is up."""
        late = self._until is not None and time.monotonic() >= self._until
        return self._asked or late or (self._file is not None and self._file.exists())

    def __enter__(self) -> Self:
        """Put the handlers in place."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self.request) for number in STOP_SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
