"""What is needed to read a run that has just finished."""

from __future__ import annotations

from pathlib import Path

from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.domain_file import named
from sma_core.runs.run_folder import RunFolder


def policy_of(run: Path) -> PluginPolicy:
    """Return a policy that allows the plugins of a run that this process has trained.

    A domain in a Python file has been imported by then; a run from elsewhere must not decide what is imported.
    """
    return named(RunFolder(run).record().domain.name)[1]
