"""Send the events of a run to the observers of the core, of plugins, and of a Python program.

Observers implement the hook ``sma_on_event``. If an observer fails, it is removed for the rest of the run with a
warning; exceptions of ``trusted`` observers stop the run.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterable
from typing import Protocol

import pluggy

from sma_core.errors import PluginError
from sma_core.plugins import hookspecs
from sma_core.plugins.events import Event, RowsRead, RunFailed
from sma_core.plugins.hookspecs import hookimpl
from sma_core.plugins.loading import reason_of
from sma_core.plugins.registry import Registry

logger = logging.getLogger("sma")


class EventHook(Protocol):
    """An object with the hook, marked ``@hookimpl``."""

    def sma_on_event(self, event: Event) -> None:
        """Handle one event."""
        ...


Observer = Callable[[Event], None] | EventHook
"""An observer passed to a verb by a Python program. Exceptions of a function stop the run."""


class _Function:
    """Adapts a function to the hook."""

    def __init__(self, function: Callable[[Event], None]) -> None:
        self._function = function

    @hookimpl
    def sma_on_event(self, event: Event) -> None:
        self._function(event)


class Observers:
    """Sends each event to all observers in pluggy's order, last registered first.

    With ``quiet``, as on ranks other than 0, no events are sent.
    """

    def __init__(self, observers: Iterable[Observer] = (), *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._trusted: set[str] = set()
        self._strict = False
        for observer in observers:
            if hasattr(observer, "sma_on_event"):
                self.add(observer, f"the observer {type(observer).__name__}")
            else:
                self.add(_Function(observer), f"the function {observer!r}", trusted=True)

    def add(self, observer: object, name: str, *, trusted: bool = False) -> None:
        """Add an object or plugin module with the hook; ``name`` is shown in reports."""
        if self._manager.register(observer, name=name) is not None and trusted:
            self._trusted.add(name)

    def add_plugins(self, registry: Registry) -> None:
        """Add the observers of the domain's plugins; with strict plugins their failure is an error."""
        self._strict = registry.strict
        for plugin, provider in registry.observers():
            self.add(plugin, f"the observer of {provider}")

    def __call__(self, event: Event) -> None:
        """Send an event to all observers; their standard output is redirected to stderr."""
        if self.quiet:
            return
        # one by one, since pluggy stops at the first failure
        for hook in reversed(self._manager.hook.sma_on_event.get_hookimpls()):
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    hook.function(*([event] if hook.argnames else []))
            except (Exception, SystemExit) as error:
                if hook.plugin_name in self._trusted:
                    raise
                self._remove(hook.plugin_name, event, error)

    def rows_read(self, rows: int, kept: int, rejected: int) -> None:
        """Send the progress of data preparation."""
        self(RowsRead(rows, kept, rejected))

    def _remove(self, name: str, event: Event, error: BaseException) -> None:
        context = _context_of(event)
        message = f"{name} failed{context}: {reason_of(error)}"
        if self._strict:
            raise PluginError(message) from error
        self._manager.unregister(name=name)
        logger.warning("%s; it is removed for the rest of this run, and training continues", message)
        logger.debug("traceback of the failed observer:", exc_info=error)


def _context_of(event: Event) -> str:
    match event:
        case RowsRead():
            return " while reading rows"
        case RunFailed():
            return " after an error"
    return f" at step {event.step}"
