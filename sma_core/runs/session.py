"""Start or resume a training run, on one or several ranks.

Rank 0 finds or creates the run folder, locks it and writes settings and record; the other ranks wait, then read
the same folder. Typical use::

    with open_session(request, observers, policy) as session:
        with session.preparing(lambda: find_run(…)) as resumed:
            …                                     # prepare the data; first on rank 0, then on the others
            run = resumed or session.create(out, label)
            if resumed is None:
                …                                 # write the record
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sma_core.config import TrainingConfig
from sma_core.devices.placement import Placement
from sma_core.devices.ranks import Ranks, joined
from sma_core.errors import StoppedOnRequest
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.events import RunFailed
from sma_core.plugins.registry import Registry
from sma_core.runs.run_folder import RunFolder
from sma_core.runs.settings import Request
from sma_core.signals import stop_immediately
from sma_core.training.reporting.metrics_file import MetricsFile
from sma_core.training.reporting.observers import Observer, Observers
from sma_core.training.reporting.tensorboard import TensorBoard, require_tensorboard


@dataclass
class Session:
    """The request, observers and ranks of one training command, and the lock of its run."""

    request: Request
    policy: PluginPolicy | None
    observers: Observers
    ranks: Ranks
    _locks: ExitStack = field(default_factory=ExitStack)
    _run: RunFolder | None = None

    @contextmanager
    def preparing(self, find: Callable[[], RunFolder | None]) -> Iterator[RunFolder | None]:
        """Run the block on rank 0, then on the other ranks; yield the run to resume, or None for a new one.

        Rank 0 locks the run that ``find`` returns or `create` makes. The other ranks get rank 0's run, after its
        record is written. Raises `StoppedOnRequest` when SIGTERM or SIGUSR1 arrives in the block, and
        `OtherRankFailed` on the other ranks when rank 0 failed.
        """
        if self.ranks.first:
            with self.ranks.reporting(), stop_immediately():
                self._run = find()
                if self._run is not None:
                    self._locks.enter_context(self._run.locked())
                yield self._run
            self.ranks.broadcast_text(str(self._run.path) if self._run is not None else "")
        else:
            self.ranks.wait_for_first()
            self._run = RunFolder(Path(self.ranks.broadcast_text("")), read_only=True)
            self.request = self.request.without("data.fresh")  # rank 0 has prepared the rows
            yield self._run

    def create(self, out: Path | None, label: str) -> RunFolder:
        """Create and lock the folder of a new run: ``out``, or one under ``runs/``; raises `UserError`."""
        run = RunFolder.create(out, label)
        self._locks.enter_context(run.locked())
        self._run = run
        return run

    def request_for(self, run: RunFolder) -> Request:
        """Return the user's request, or an empty one on other ranks, which read the settings that rank 0 wrote."""
        return Request(None, None, {}) if run.read_only else self.request

    def placement(self, training: TrainingConfig) -> Placement:
        """Choose device, precision and strategy; raises `UserError` when this machine does not support them."""
        if training.tensorboard:
            require_tensorboard()
        return Placement.choose(training, self.ranks)

    def observe(self, registry: Registry) -> None:
        """Add the observers of the domain's plugins."""
        self.observers.add_plugins(registry)

    def fail(self, error: Exception) -> None:
        """Tell the observers that the command ends with ``error``, which a failing observer does not hide."""
        run = self._run.path if self._run is not None else None
        with suppress(Exception):
            self.observers(RunFailed(run, type(error).__name__, str(error)))

    def observers_of(self, run: RunFolder, training: TrainingConfig) -> Observers:
        """Add the metrics file and, if enabled, TensorBoard; return all observers of the run."""
        if training.tensorboard:
            self.observers.add(TensorBoard(run.path / "tensorboard"), "TensorBoard")
        self.observers.add(MetricsFile(run.metrics), "the metrics file", trusted=True)
        return self.observers


@contextmanager
def open_session(
    request: Request, observers: Sequence[Observer], policy: PluginPolicy | None
) -> Iterator[Session]:
    """Open a session that joins the other ranks, if any, and holds the run's lock until the block ends."""
    with joined() as ranks, ExitStack() as locks:
        session = Session(request, policy, Observers(observers, quiet=not ranks.first), ranks, locks)
        try:
            yield session
        except StoppedOnRequest:
            raise
        except Exception as error:
            session.fail(error)
            raise
