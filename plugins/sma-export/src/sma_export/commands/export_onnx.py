"""``sma export onnx``: write a run as an ONNX model."""

from __future__ import annotations

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.run_domain import reads_run
from sma_export.commands.options import Out, Replace, Run, Tolerance, Vectors, tell


@reads_run
def export_onnx(
    context: typer.Context,
    *,
    run: Run,
    out: Out,
    vectors: Vectors = False,
    tolerance: Tolerance = 1e-4,
    force: Replace = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a run as an ONNX model that needs no sma, and compare it with the run."""
    from sma_export.export_onnx import export_onnx

    result = export_onnx(run, out, vectors=vectors, tolerance=tolerance, force=force, policy=context.obj)
    tell(result, as_json)
