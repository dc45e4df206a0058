"""What is needed to read a run that has just finished."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.runs.run_folder import RunFolder

logger = logging.getLogger("sma")


@contextmanager
def without_warnings() -> Iterator[None]:
    """Read the rows of a run again without the warnings that its training has shown."""
    level = logger.level
    logger.setLevel(max(logging.ERROR, logger.getEffectiveLevel()))
    try:
        yield
    finally:
        logger.setLevel(level)


def policy_of(run: Path) -> PluginPolicy:
    """Return a policy that allows the plugins of a run that this process has trained.

    A domain in a Python file has been imported by then; a run from elsewhere must not decide what is imported.
    """
    return named(RunFolder(run).record().domain.name)[1]
