"""``sma models``: pre-trained models that ship with plugins."""

from __future__ import annotations

from typing import Annotated

import typer

from sma_core.cli.options import Debug, Json
from sma_core.cli.output import echo


def list_models(context: typer.Context, as_json: Json = False, debug: Debug = False) -> None:
    """List the pre-trained models that ship with installed plugins, to start from with --model NAME."""
    from sma_core.cli.output import as_json_text
    from sma_core.runs.shipped_models import list_models

    entries = list_models(context.obj)
    if as_json:
        echo(as_json_text(entries))
        return
    if not entries:
        echo("no installed plugin ships a pre-trained model: make one with sma train --domain NAME")
        return
    for entry in entries:
        echo(f"{entry.name:<20}{entry.size / 1e6:6.1f} MB  {entry.summary}")
        echo(f"{'':<20}trained on {entry.rows} ({entry.licence}); {entry.package}")
    echo("use one with --model NAME; sma models card NAME shows how it was trained and what it can do")


def card(
    context: typer.Context,
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A name such as chem:tiny, or a run folder.")],
    debug: Debug = False,
) -> None:
    """Print the model card of a shipped model or of a fine-tuned run."""
    from sma_core.runs.shipped_models import read_model_card

    echo(read_model_card(model, context.obj))
