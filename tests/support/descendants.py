"""Processes that a process has started, directly or by others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

Identity = tuple[int, str]
"""Number of a process and the moment of its start, since numbers are used again."""


def _state(number: int) -> tuple[str, int, str] | None:
    """Return state, parent and moment of start; None if there is no such process."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), fields[19]


def descendants(number: int) -> set[Identity]:
    """Return all running processes below a process."""
    names = [path.name for path in Path("/proc").iterdir()]
    states = {int(name): _state(int(name)) for name in names if name.isdigit()}
    below, wanted = set(), {number}
    while wanted:
        children = {child for child, state in states.items() if state is not None and state[1] in wanted}
        below |= {(child, states[child][2]) for child in children}
        wanted = children
    return below


def is_running(identity: Identity) -> bool:
    state = _state(identity[0])
    return state is not None and state[2] == identity[1] and state[0] not in "ZX"


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 240.0) -> None:
    """Wait until a condition holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.05)


def wait_for_the_end_of(identities: Iterable[Identity], seconds: float = 60.0) -> None:
    """Wait until none of these processes runs."""
    wait_until(lambda: not any(map(is_running, identities)), "children outlive their parent", seconds)
