"""Stop training after the current step on Ctrl-C, SIGTERM, SIGUSR1 or a time limit.

A second Ctrl-C stops immediately. Before the first step, when nothing needs saving, SIGTERM and SIGUSR1 also stop
immediately.
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
"""Environment variable with the path of a file that requests a stop when it exists; set by the agent of ranks."""


class _Terminated(KeyboardInterrupt):
    """Raised by SIGTERM or SIGUSR1; like Ctrl-C it is not caught by ``except Exception``."""


@contextmanager
def stop_immediately() -> Iterator[None]:
    """Stop the block at SIGTERM or SIGUSR1 by raising `StoppedOnRequest`; for work before the first step.

    Has no effect outside the main thread.
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
            "stopped on request before training began; nothing was saved or lost: repeat the command"
        ) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class StopRequest:
    """Context manager whose flag ``requested`` is set by stop signals.

    It is also set when ``time.monotonic()`` reaches ``until``, or the file of `STOP_FILE` exists. Outside the main
    thread no signal handlers are installed.
    """

    def __init__(self, until: float | None = None) -> None:
        self._requested = False
        self._until = until
        self._file = Path(os.environ[STOP_FILE]) if STOP_FILE in os.environ else None
        self._before: dict[signal.Signals, Any] = {}

    def request(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Request a stop; a second Ctrl-C raises `KeyboardInterrupt`."""
        if self._requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._requested = True

    @property
    def requested(self) -> bool:
        """Whether a stop was requested, or the time limit is reached."""
        late = self._until is not None and time.monotonic() >= self._until
        return self._requested or late or (self._file is not None and self._file.exists())

    def __enter__(self) -> Self:
        """Install the signal handlers."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self.request) for number in STOP_SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the previous signal handlers."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
