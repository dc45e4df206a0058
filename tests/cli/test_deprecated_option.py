"""An option that is to go works as before, and says what to type instead."""

import logging
from typing import Annotated

import pytest
import typer

from sma_core.cli.options import deprecated


def verb(
    size: Annotated[int | None, typer.Option("--size", callback=deprecated("--size", "use --width"))] = None,
    tall: Annotated[bool, typer.Option("--tall", callback=deprecated("--tall", "use --height"))] = False,
):
    print(size, tall)


@pytest.mark.parametrize(
    ("arguments", "printed", "said"),
    [
        ([], "None False", []),
        (["--size", "3"], "3 False", ["--size is deprecated and will be removed: use --width"]),
        (["--tall"], "None True", ["--tall is deprecated and will be removed: use --height"]),
    ],
)
def test_a_deprecated_option_works_and_says_what_to_type(arguments, printed, said, capsys, caplog):
    app = typer.Typer()
    app.command()(verb)
    with caplog.at_level(logging.WARNING, "sma"), pytest.raises(SystemExit):
        app(args=arguments)
    assert capsys.readouterr().out == f"{printed}\n"
    assert [record.message for record in caplog.records] == said
