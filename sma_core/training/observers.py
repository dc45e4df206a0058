"""Who is told what happens during a run: the core's own observers, plugins', and those of a Python program.

All are called through the hook ``sma_on_event``. One that fails is reported and left out for the rest of the run,
and training goes on; only those that are ``trusted`` stop the run with what they raise.
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
from sma_core.plugins.events import Event, RowsRead
from sma_core.plugins.hookspecs import hookimpl
from sma_core.plugins.loading import reason_of
from sma_core.plugins.registry import Registry

logger = logging.getLogger("sma")


class EventHook(Protocol):
    """An object with the hook, marked ``@hookimpl``."""

    def sma_on_event(self, event: Event) -> None:
        """Look at one event."""
        ...


Observer = Callable[[Event], None] | EventHook
"""What a Python program hands to a verb. A function is part of that program: what it raises stops the run."""


class _Function:
    """A function as an object with the hook."""

    def __init__(self, function: Callable[[Event], None]) -> None:
        self._function = function

    @hookimpl
    def sma_on_event(self, event: Event) -> None:
        self._function(event)


class Observers:
    """Hands each event to every observer, in pluggy's order: the last to join is told first."""

    def __init__(self, given: Iterable[Observer] = ()) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self._trusted: set[str] = set()
        self._strict = False
        for observer in given:
            if hasattr(observer, "sma_on_event"):
                self.add(observer, f"the observer {type(observer).__name__}")
            else:
                self.add(_Function(observer), f"the function {observer!r}", trusted=True)

    def add(self, observer: object, name: str, *, trusted: bool = False) -> None:
        """Take an object, or a plugin's module, with the hook; ``name`` is what a report calls it."""
        if self._manager.register(observer, name=name) is not None and trusted:
            self._trusted.add(name)

    def add_plugins(self, registry: Registry) -> None:
        """Take the observers of the domain's plugins; with strict plugins their failure is an error."""
        self._strict = registry.strict
        for plugin, provider in registry.observers():
            self.add(plugin, f"the observer of {provider}")

    def __call__(self, event: Event) -> None:
        """Tell every observer; what a plugin's observer prints goes to stderr."""
        # in pluggy's order, but one by one: its own call would end at the first failure
        for hook in reversed(self._manager.hook.sma_on_event.get_hookimpls()):
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    hook.function(*([event] if hook.argnames else []))
            except (Exception, SystemExit) as error:
                if hook.plugin_name in self._trusted:
                    raise
                self._leave_out(hook.plugin_name, event, error)

    def rows_read(self, rows: int, kept: int, rejected: int) -> None:
        """Tell how far the preparation of the data is."""
        self(RowsRead(rows, kept, rejected))

    def _leave_out(self, name: str, event: Event, error: BaseException) -> None:
        when = f" at step {event.step}" if not isinstance(event, RowsRead) else " while rows were read"
        sentence = f"{name} failed{when}: {reason_of(error)}"
        if self._strict:
            raise PluginError(sentence) from error
        self._manager.unregister(name=name)
        logger.warning("%s; it is left out for the rest of this run, and training goes on", sentence)
        logger.debug("the traceback of that failure:", exc_info=error)
