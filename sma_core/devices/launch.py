"""Start several ranks on this machine: torchrun's agent, with a store in a file, so that no port is opened.

Signals become a file that all ranks look for after each step, so that they stop together and save.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from sma_core.devices.ranks import STORE
from sma_core.errors import UserError
from sma_core.signals import STOP_FILE, STOP_SIGNALS


def launch(arguments: Sequence[str], devices: int) -> int:
    """Run ``sma`` with these arguments in ``devices`` ranks; return the exit status, 0 when all is done.

    Raises `UserError` when there are fewer GPUs than that on a machine that has some, or when a rank was killed.
    """
    gpus = torch.cuda.device_count()
    if 0 < gpus < devices:
        raise UserError(f"--devices {devices} asks for more GPUs than this machine has, which are {gpus}")
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="sma-ranks-") as folder, _signals_as(Path(folder) / "stop"):
        _set_missing(_environment(Path(folder), devices, gpus > 0))
        config = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=devices,
            run_id=uuid.uuid4().hex,
            rdzv_backend="c10d",
            rdzv_endpoint=str(Path(folder) / "rendezvous"),
            rdzv_configs={"store_type": "file"},
            max_restarts=0,
            local_addr="localhost",
        )
        _leave_signals_to_us(config)
        try:
            elastic_launch(config, sys.executable)("-m", "sma_core", *arguments)
        except ChildFailedError as error:
            return _status(error.failures)
    return 0


def _environment(folder: Path, devices: int, on_gpus: bool) -> dict[str, str]:
    """What the ranks find in their environment."""
    found = {
        STORE: str(folder / "store"),
        STOP_FILE: str(folder / "stop"),
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }
    if not on_gpus:
        threads = max((os.cpu_count() or 1) // devices, 1)
        found |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": str(threads)}
    return found


def _leave_signals_to_us(config: LaunchConfig) -> None:
    """Keep the agent from ending the ranks at the signals of `_signals_as`; older ones ask the environment."""
    others = "SIGHUP,SIGQUIT"
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = others
    if hasattr(config, "signals_to_handle"):
        config.signals_to_handle = others


def _set_missing(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        os.environ.setdefault(name, value)


@contextmanager
def _signals_as(file: Path) -> Iterator[None]:
    """Turn the signals that ask for a stop into ``file``; a second Ctrl-C ends all ranks at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        if file.exists() and number == signal.SIGINT:
            raise KeyboardInterrupt
        file.touch()

    before = {number: signal.signal(number, ask) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _status(failures: Mapping[int, ProcessFailure]) -> int:
    """Return what rank 0 left with, or the first other that failed; a rank that torchrun ended says nothing."""
    for rank, failure in failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
            raise UserError(
                f"rank {rank} was ended by signal {-failure.exitcode}; what was saved before is whole: "
                "go on with --resume"
            )
    left = {rank: failure.exitcode for rank, failure in failures.items() if failure.exitcode > 0}
    return left.get(0, next(iter(left.values()), 1))
