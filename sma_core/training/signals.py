"""Ctrl-C and SIGTERM ask for a stop after the current step; a second Ctrl-C stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A flag that the signals set while the context is open; ``requested`` is looked at after each step.

    Outside the main thread no handler is put in place, and only `request` sets the flag.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def request(self, number: int = 0, frame: FrameType | None = None) -> None:
        """Ask for a stop; asked a second time by Ctrl-C, raise `KeyboardInterrupt`."""
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> Self:
        """Put the handlers in place."""
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self.request) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the signals back to whoever had them."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
