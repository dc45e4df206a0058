"""`export_onnx`: write a run as an ONNX model."""

from __future__ import annotations

from pathlib import Path

from sma_core.plugins.discovery import PluginPolicy
from sma_export.exporting import TOLERANCE, ExportResult, export_run
from sma_export.formats import ONNX, require_onnx


def export_onnx(
    run: str | Path,
    out: str | Path,
    *,
    vectors: bool = False,
    tolerance: float = TOLERANCE,
    force: bool = False,
    policy: PluginPolicy | None = None,
) -> ExportResult:
    """Write a run to the folder ``out`` as an ONNX model that takes any number of rows of any length.

    Arguments and errors are those of `sma_export.exporting.export_run`. Raises `UserError` if the packages of the
    extra ``onnx`` are not installed.
    """
    require_onnx()
    return export_run(ONNX, run, out, vectors=vectors, tolerance=tolerance, force=force, policy=policy)
