"""``--devices N``: the same command in several processes, and which of them speaks."""

from __future__ import annotations

import os
import sys

import typer


def run_in_ranks(devices: int | None) -> None:
    """Run the whole command again in ``devices`` ranks and leave with their status; nothing for one or none.

    In a rank that was started so, or by torchrun, it does nothing.
    """
    if devices in (None, 1) or "RANK" in os.environ:
        return
    from sma_core.training.launch import launch

    raise typer.Exit(launch(sys.argv[1:], devices))


def is_silent() -> bool:
    """Whether another rank speaks for this one."""
    return os.environ.get("RANK", "0") != "0"
