"""Run the trainings of a suite, each as an `sma` command that can be repeated by hand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sma_core.errors import StoppedOnRequest
from sma_core.runs.run_folder import RunFolder
from sma_core.signals import StopRequest

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Work:
    """A command, what messages call it, the run that it writes, and where its output goes."""

    label: str
    arguments: tuple[str, ...]
    run: Path
    log: Path

    @property
    def done(self) -> bool:
        """Whether its run is there and finished."""
        return (self.run / "model.json").is_file() and RunFolder(self.run).record().finished

    @property
    def command(self) -> str:
        """What to type to repeat it."""
        return shlex.join(["sma", *self.arguments])


@dataclass(frozen=True)
class Ended:
    """A piece of work that has ended: in how many seconds, and the last line of its output when it failed."""

    work: Work
    seconds: float
    failure: str | None

    def line(self) -> str:
        """Say what became of it."""
        if self.failure is not None:
            return f"{self.work.label}: {self.failure} (see {self.work.log})"
        return f"{self.work.label}: done in {self.seconds:.1f} s"


def run_all(works: Sequence[Work], jobs: int, tell: Callable[[str], None]) -> list[Ended]:
    """Run what is not done yet, ``jobs`` at a time, in order; what fails does not stop the others.

    ``tell`` gets a line when a piece of work begins and when it ends. With several jobs each gets its share of the
    cores. Asked to stop, it asks the commands, which save their state, and raises `StoppedOnRequest`; a second
    Ctrl-C kills them.
    """
    waiting = [work for work in works if not work.done]
    total = len(waiting)
    running: list[tuple[Work, subprocess.Popen[bytes], float]] = []
    ended: list[Ended] = []
    with StopRequest() as stop:
        try:
            while (waiting and not stop.requested) or running:
                while waiting and len(running) < jobs and not stop.requested:
                    work = waiting.pop(0)
                    tell(
                        f"{work.label}: begins, {total - len(waiting):,} of {total:,}; its output is in {work.log}"
                    )
                    running.append((work, _start(work, jobs), time.monotonic()))
                time.sleep(POLL_SECONDS)
                if stop.requested:
                    _ask_to_stop([process for _, process, _ in running])
                for entry in [entry for entry in running if entry[1].poll() is not None]:
                    running.remove(entry)
                    finished = _ended(*entry)
                    if finished.failure is None or not stop.requested:
                        ended.append(finished)
                        tell(finished.line())
        except BaseException:
            for _, process, _ in running:
                process.kill()
            raise
    if stop.requested:
        raise StoppedOnRequest("the suite was stopped; the same command goes on with what is left")
    return ended


def _start(work: Work, jobs: int) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, so that Ctrl-C reaches it through us alone."""
    environment = dict(os.environ)
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    work.log.parent.mkdir(parents=True, exist_ok=True)
    with work.log.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "sma_core", *work.arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def _ask_to_stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Send SIGTERM to each; a command that has been asked already does not mind."""
    for process in processes:
        if process.poll() is None:
            process.terminate()


def _ended(work: Work, process: subprocess.Popen[bytes], began: float) -> Ended:
    seconds = time.monotonic() - began
    if process.returncode == 0 and work.done:
        return Ended(work, seconds, None)
    lines = work.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = next((line for line in reversed(lines) if line.strip()), "it printed nothing")
    return Ended(work, seconds, last.removeprefix("error: "))
