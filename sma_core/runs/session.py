"""How verbs that train stand up on one rank or many: the first finds or makes the run, the others follow it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sma_core.config import TrainingConfig
from sma_core.plugins.discovery import PluginPolicy
from sma_core.training.observers import Observers
from sma_core.devices.placement import Place
from sma_core.devices.ranks import Ranks
from sma_core.runs.run_folder import RunFolder
from sma_core.signals import stopping_at_once
from sma_core.runs.settings import Request
from sma_core.runs.watching import check_observers

J = TypeVar("J")


@dataclass(frozen=True)
class Call:
    """What a verb that trains was asked, who watches, and which ranks do it."""

    request: Request
    policy: PluginPolicy | None
    watching: Observers
    ranks: Ranks

    def request_for(self, run: RunFolder) -> Request:
        """Return what was asked of a run that goes on; on the other ranks rank 0 has written it down already."""
        return Request(None, None, {}) if run.quiet else self.request

    def place(self, training: TrainingConfig) -> Place:
        """Resolve where to compute; raises `UserError` for what this machine does not have."""
        check_observers(training)
        return Place.choose(training, self.ranks)


def stand_up(
    ranks: Ranks,
    held: ExitStack,
    found: Callable[[], RunFolder | None],
    job_of: Callable[[RunFolder | None], J],
    make: Callable[[J], RunFolder],
    write: Callable[[J, RunFolder], None],
) -> tuple[J, RunFolder]:
    """Return the job and its run, the same on all ranks; rank 0 holds the run's lock in ``held``.

    ``found`` looks for a run to go on with, ``job_of`` prepares the data, ``make`` makes the folder of a new run,
    ``write`` fills it once it is locked. On the other ranks only ``job_of`` is called, after all of that.
    Raises `StoppedOnRequest` when SIGTERM or SIGUSR1 comes meanwhile.
    """

    def first() -> tuple[J, RunFolder] | None:
        if not ranks.first:
            return None
        with stopping_at_once():
            run = found()
            if run is not None:
                held.enter_context(run.locked())
            job = job_of(run)
            if run is None:
                run = make(job)
                held.enter_context(run.locked())
                write(job, run)
        return job, run

    stood = ranks.in_turn(first)
    path = ranks.text(str(stood[1].path) if stood else "")
    if stood is not None:
        return stood
    run = RunFolder(Path(path), quiet=True)
    return job_of(run), run
