"""The program ``sma``: its commands and the handling of errors."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from itertools import zip_longest
from typing import Annotated

import typer

from sma_core.cli.program.commands import CommandGroup, installed_packages, policy_of
from sma_core.cli.program.endings import end, is_interrupt
from sma_core.cli.program.option_names import OptionNames
from sma_core.cli.program.ranks import exit_fast_if_rank, is_silent, label_errors
from sma_core.memory import keep_freed_memory
from sma_core.plugins.commands.command_list import core_commands
from sma_core.printable import message_text

COMMANDS = {
    "train: Pre-train by hiding parts of each row and reconstructing them.": "sma_core.cli.train:train",
    "finetune: Train on labelled rows, from a run or random weights.": "sma_core.cli.finetune:finetune",
    "evaluate: Score a fine-tuned run, with confidence intervals.": "sma_core.cli.evaluate:evaluate",
    "predict: Write a prediction for every row of a file.": "sma_core.cli.predict:predict",
    "embed: Write embeddings of every row of a file.": "sma_core.cli.embed:embed",
    "models list: List the pre-trained models that ship with plugins.": "sma_core.cli.models:list_models",
    "models card: Print the model card of a model.": "sma_core.cli.models:card",
    "config show: Print every setting with its value and origin.": "sma_core.cli.show_config:show",
    "config schema: Print the JSON schema of settings, for editors.": "sma_core.cli.config_schema:schema",
    "plugins list: List the installed plugins and commands.": "sma_core.cli.plugins:list_plugins",
    "plugins info: Show one plugin and its parts.": "sma_core.cli.plugins:info",
    "plugins doctor: Find broken plugins and explain how to fix them.": "sma_core.cli.plugins:doctor",
}
"""The core's own commands, in the form that packages use (`sma_core.plugins.commands.command_list`)."""

GROUPS = {
    "config": "Show and describe settings.",
    "data": "List and inspect data sets.",
    "export": "Convert a run for another program.",
    "import": "Convert a model of another program into a run.",
    "models": "List the pre-trained models that ship with plugins.",
    "plugins": "List and check the installed plugins.",
}
"""Help of the command groups."""


class Program(CommandGroup):
    """All commands of ``sma``."""

    core = core_commands(COMMANDS)
    summaries = GROUPS


app = typer.Typer(
    name="sma",
    cls=Program,
    help="Self-guided masked autoencoders: pre-train on unlabelled data of any domain.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(context: typer.Context, show: bool) -> None:
    if show:
        from importlib.metadata import version

        typer.echo(f"sma-core {version('sma-core')}")
        for package in installed_packages(context):
            typer.echo(package)
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    no_plugins: Annotated[bool, typer.Option("--no-plugins", is_eager=True, help="Disable all plugins.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version, those of plugins, and exit."
        ),
    ] = False,
) -> None:
    context.obj = policy_of(context)


@exit_fast_if_rank()
def program(arguments: Sequence[str] | None = None) -> None:
    """Run the program and exit with its status.

    Errors that the user can fix print one sentence on stderr; ``--debug`` or ``SMA_DEBUG=1`` adds a traceback.
    Any other error is a defect and prints its traceback (`sma_core.cli.program.endings`).
    """
    keep_freed_memory()
    label_errors()
    command_line = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in command_line or os.environ.get("SMA_DEBUG", "") not in ("", "0")
    silent = is_silent() and not debug
    _log_to_stderr(logging.CRITICAL if silent else logging.WARNING)
    try:
        app(args=_fill_optional_values(command_line), prog_name="sma")
    except SystemExit as error:
        if not is_interrupt(error):
            raise
        raise SystemExit(end(error, debug, silent)) from None
    except BaseException as error:
        raise SystemExit(end(error, debug, silent)) from None


class _Printable(OptionNames):
    """Formats messages without control characters, and not endlessly long."""

    def format(self, record: logging.LogRecord) -> str:
        return message_text(super().format(record))


class _Once(logging.Filter):
    """Passes each warning once: a file that is read twice would repeat its own."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        is_new = record.levelno != logging.WARNING or message not in self._shown
        self._shown.add(message)
        return is_new


def _log_to_stderr(level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Printable("%(levelname)s: %(message)s"))
    handler.addFilter(_Once())
    logging.basicConfig(handlers=[handler], level=level)
    logging.addLevelName(logging.WARNING, "warning")


def _fill_optional_values(arguments: list[str]) -> list[str]:
    """Insert ``auto`` after a ``--resume`` without a value, since typer has no options with an optional value."""
    filled = []
    for argument, following in zip_longest(arguments, arguments[1:], fillvalue="--"):
        filled.append(argument)
        if argument == "--resume" and following.startswith("-"):
            filled.append("auto")
    return filled
