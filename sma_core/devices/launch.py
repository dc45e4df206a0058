"""Start several ranks on this machine with torchrun's agent and a file store, without opening a port.

A stop signal creates a file that all ranks check after each step, so that they save and stop together.
"""

from __future__ import annotations

import logging
import os
import signal
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import torch
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from sma_core.children import PARENT, child_command
from sma_core.devices.ranks import STORE
from sma_core.errors import UserError
from sma_core.signals import STOP_FILE, STOP_SIGNALS, install, restore


def launch(arguments: Sequence[str], devices: int) -> int:
    """Run ``sma`` with ``arguments`` on ``devices`` ranks, and return the exit code.

    Raises `UserError` if the machine has GPUs but fewer than ``devices``, or if a rank was killed.
    """
    gpus = torch.cuda.device_count()
    if 0 < gpus < devices:
        raise UserError(f"`devices={devices}` is more than the number of GPUs of this machine, {gpus}")
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="sma-ranks-") as folder, _signals_to_file(Path(folder) / "stop"):
        _set_missing(_environment(Path(folder), devices, gpus > 0))
        os.environ[PARENT] = str(os.getpid())
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
        _limit_agent_signals(config)
        try:
            command, *options = child_command("-m", "sma_core", *arguments)
            elastic_launch(config, command)(*options)
        except ChildFailedError as error:
            return _status(error.failures)
    return 0


def _environment(folder: Path, devices: int, on_gpus: bool) -> dict[str, str]:
    """Return environment variables for the ranks."""
    variables = {
        STORE: str(folder / "store"),
        STOP_FILE: str(folder / "stop"),
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
    }
    if not on_gpus:
        threads = max((os.cpu_count() or 1) // devices, 1)
        variables |= {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": str(threads)}
    return variables


def _limit_agent_signals(config: LaunchConfig) -> None:
    """Prevent the agent from killing ranks at stop signals; older torch versions read the environment variable."""
    signals = "SIGQUIT"
    os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = signals
    if hasattr(config, "signals_to_handle"):
        config.signals_to_handle = signals


def _set_missing(variables: Mapping[str, str]) -> None:
    for name, value in variables.items():
        os.environ.setdefault(name, value)


@contextmanager
def _signals_to_file(file: Path) -> Iterator[None]:
    """Create ``file`` at a stop signal; a second Ctrl-C stops all ranks immediately."""

    def handle(number: int, frame: FrameType | None) -> None:
        if file.exists() and number == signal.SIGINT:
            raise KeyboardInterrupt
        file.touch()

    before = install(STOP_SIGNALS, handle)
    try:
        yield
    finally:
        restore(before)


def _status(failures: Mapping[int, ProcessFailure]) -> int:
    """Return the exit code of rank 0, else of the first failed rank; ranks killed by torchrun are ignored."""
    for rank, failure in failures.items():
        if failure.exitcode < 0 and failure.exitcode != -signal.SIGTERM:
            raise UserError(
                f"rank {rank} was killed by signal {-failure.exitcode}; saved checkpoints are intact: "
                "continue with `resume`"
            )
    codes = {rank: failure.exitcode for rank, failure in failures.items() if failure.exitcode > 0}
    return codes.get(0, next(iter(codes.values()), 1))
