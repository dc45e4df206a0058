"""Options and output of the commands that export."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sma_core.cli.output import as_json_text, counted, echo

if TYPE_CHECKING:
    from sma_export.exporting import ExportResult

Run = Annotated[Path, typer.Argument(help="A run of sma train or sma finetune, or a shipped model's name.")]
Out = Annotated[Path, typer.Option("--out", help="The folder to write.")]
Vectors = Annotated[
    bool, typer.Option("--vectors", help="Of a fine-tuned run, its mean vectors instead of its predictions.")
]
Tolerance = Annotated[
    float,
    typer.Option("--tolerance", min=0, help="Largest difference from the run, as a share of the largest result."),
]
Replace = Annotated[bool, typer.Option("--force", help="Replace the export in --out.")]


def tell(result: ExportResult, as_json: bool) -> None:
    """Print the result of an export."""
    if as_json:
        echo(as_json_text(result))
        return
    compared = result.comparison
    echo(f"model {result.out / result.file}, {result.size / 1e6:.2f} MB")
    echo(f"try it: python {shlex.quote(str(result.out / 'predict.py'))} {result.arguments}")
    echo(
        f"compared with the run on {counted(compared.rows, 'row')}: largest difference {compared.difference:.2g}, "
        f"{compared.share:.2g} of the largest result (tolerance {result.tolerance:g})"
    )
    for remark in result.remarks:
        echo(f"note: {remark}")
