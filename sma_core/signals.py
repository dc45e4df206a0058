"""Stop training after the current step on Ctrl-C, SIGTERM, SIGUSR1, SIGHUP or a time limit.

A second Ctrl-C stops immediately. Outside of training, when nothing needs saving, the other signals also stop
immediately, by an exception, so that no temporary files remain. SIGHUP is left alone where it is ignored (nohup).
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Self

from sma_core.errors import StoppedOnRequest

_NAMES = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")
STOP_SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))
TERMINATED = tuple(number for number in STOP_SIGNALS if number != signal.SIGINT)
STOP_FILE = "SMA_STOP_FILE"
"""Environment variable with the path of a file that requests a stop when it exists; set by the agent of ranks."""


Handler = Callable[[int, FrameType | None], None]


class Terminated(KeyboardInterrupt):
    """Raised by the signals of `TERMINATED`; like Ctrl-C it is not caught by ``except Exception``."""


def install(numbers: Iterable[signal.Signals], handler: Handler) -> dict[signal.Signals, Any]:
    """Install a handler, and return those before, for `restore`; only in the main thread.

    SIGHUP that is ignored, as below nohup, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return {}
    ignored = {
        number for number in numbers if number.name == "SIGHUP" and signal.getsignal(number) == signal.SIG_IGN
    }
    return {number: signal.signal(number, handler) for number in numbers if number not in ignored}


def restore(before: Mapping[signal.Signals, Any]) -> None:
    """Restore the handlers that `install` returned."""
    for number, handler in before.items():
        signal.signal(number, handler)


def ignore_stop_signals(worker: int = 0) -> None:
    """Ignore stop signals in a worker, which often reach the whole process group: the parent stops it."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def raising_terminated() -> Iterator[None]:
    """Raise `Terminated` at SIGTERM, SIGUSR1 and SIGHUP inside the block; no effect outside the main thread."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = install(TERMINATED, stop)
    try:
        yield
    finally:
        restore(before)


@contextmanager
def stop_immediately() -> Iterator[None]:
    """Stop the block at a signal of `TERMINATED` by raising `StoppedOnRequest`; for work before the first step.

    Has no effect outside the main thread.
    """
    try:
        with raising_terminated():
            yield
    except Terminated:
        raise StoppedOnRequest(
            "stopped on request before training began; nothing was saved or lost: repeat the command"
        ) from None


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
        self._before = install(STOP_SIGNALS, self.request)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the previous signal handlers."""
        restore(self._before)
        self._before = {}
