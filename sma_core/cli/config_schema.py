"""``sma config schema``: the settings as a JSON schema, for editors."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from sma_core.cli.options import Debug
from sma_core.cli.output import echo


def schema(
    verb: Annotated[
        Literal["train", "finetune"], typer.Option("--verb", help="Command whose settings are described.")
    ] = "train",
    debug: Debug = False,
) -> None:
    """Print the JSON schema of files of settings and recipes, with which an editor completes and checks them."""
    from sma_core.config import FinetuneConfig, PretrainConfig
    from sma_core.config.schema import settings_schema

    echo(json.dumps(settings_schema(FinetuneConfig if verb == "finetune" else PretrainConfig), indent=1))
