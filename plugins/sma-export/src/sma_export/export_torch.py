"""`export_torch`: write a run as a program of torch.export."""

from __future__ import annotations

from pathlib import Path

from sma_core.plugins.discovery import PluginPolicy
from sma_export.exporting import TOLERANCE, ExportResult, export_run
from sma_export.formats import TORCH


def export_torch(
    run: str | Path,
    out: str | Path,
    *,
    vectors: bool = False,
    tolerance: float = TOLERANCE,
    force: bool = False,
    policy: PluginPolicy | None = None,
) -> ExportResult:
    """Write a run to the folder ``out`` as a program of torch.export that takes any number of rows of any length.

    Arguments and errors are those of `sma_export.exporting.export_run`.
    """
    return export_run(TORCH, run, out, vectors=vectors, tolerance=tolerance, force=force, policy=policy)
