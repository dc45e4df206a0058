"""``sma models pack``: write a pre-trained run as a plugin ships it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo


def pack(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run of sma train.")],
    out: Annotated[Path, typer.Option("--out", help="New folder, inside the package of your plugin.")],
    card: Annotated[
        Path,
        typer.Option("--card", help="Markdown file: what the model can and cannot do, with results."),
    ],
    step: Annotated[
        int | None, typer.Option("--step", help="Step of the checkpoint to ship. Default: the newest.")
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a pre-trained run without optimiser state and with a model card, to ship it in a plugin."""
    from sma_core.cli.output import as_json_text
    from sma_kit.pack_model import pack_model

    packed = pack_model(run, out, card, step)
    if as_json:
        echo(as_json_text(packed))
        return
    echo(f"packed step {packed.step:,} of {run} in {packed.path}: {packed.size / 1e6:.1f} MB")
    echo("next: return a ShippedModel that locates it from the hook sma_models of your plugin")
