"""The program ``sma``: its verbs, and what it does with errors."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from sma_core.cli.commands import CommandGroup, policy_of
from sma_core.cli.ranks import is_silent, leaves_at_once_if_a_rank
from sma_core.errors import EXIT_USER, SYSTEM_ERRORS, SmaError
from sma_core.memory import keep_freed_memory
from sma_core.plugins.commands import core_commands

COMMANDS = {
    "train: Pre-train by hiding parts of rows and reconstructing them.": "sma_core.cli.train:train",
    "finetune: Learn the labels of a task, from a run or random weights.": "sma_core.cli.finetune:finetune",
    "evaluate: Score a fine-tuned run, with confidence intervals.": "sma_core.cli.evaluate:evaluate",
    "predict: Write a prediction for every row of a file.": "sma_core.cli.predict:predict",
    "embed: Write the encoder's vectors for every row of a file.": "sma_core.cli.embed:embed",
    "config show: Print every setting and where it came from.": "sma_core.cli.show_config:show",
    "plugins list: List installed plugins, importing none.": "sma_core.cli.plugins:list_plugins",
    "plugins info: Show what one plugin is and provides.": "sma_core.cli.plugins:info",
    "plugins doctor: Say which plugins are broken, and what to do.": "sma_core.cli.plugins:doctor",
}
"""The core's own commands, written as packages declare theirs (`sma_core.plugins.commands`)."""

GROUPS = {
    "config": "Look at settings.",
    "data": "Look at data.",
    "export": "Write a run for another program.",
    "import": "Take over a model of another program.",
    "plugins": "See which plugins are installed and whether they work.",
}
"""The help of groups of commands."""


class Program(CommandGroup):
    """All commands of ``sma``."""

    core = core_commands(COMMANDS)
    summaries = GROUPS


app = typer.Typer(
    name="sma",
    cls=Program,
    help="Self-guided masked autoencoders: pre-train on unlabelled data of any domain.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        typer.echo(f"sma-core {version('sma-core')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    no_plugins: Annotated[bool, typer.Option("--no-plugins", is_eager=True, help="Use no plugin at all.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = policy_of(context)


@leaves_at_once_if_a_rank()
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program and leave with its exit status.

    An error the user can cause is one sentence on stderr and its exit code; ``--debug`` (or
    ``SMA_DEBUG=1``) shows the traceback too. Anything else is a defect of ours and shows all.
    """
    keep_freed_memory()
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given or os.environ.get("SMA_DEBUG", "") not in ("", "0")
    silent = is_silent() and not debug
    level = logging.CRITICAL if silent else logging.WARNING
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s: %(message)s", level=level)
    logging.addLevelName(logging.WARNING, "warning")
    try:
        app(args=_optional_values(given), prog_name="sma")
    except SmaError as error:
        if debug:
            traceback.print_exc()
        label = "error" if error.exit_code == EXIT_USER else "stopped"
        if not silent:
            print(f"{label}: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, SystemExit) as leaving:
        if not _was_interrupted(leaving):
            raise
        print("stopped at once; what was saved before is whole", file=sys.stderr)
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read our output has gone (`sma … | head`): leave quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except OSError as error:
        if debug or error.errno not in SYSTEM_ERRORS:
            raise
        where = f" for {error.filename}" if error.filename else ""
        sentence = (
            f"the system refused: {error.strerror}{where}; what was saved before is whole: mend that, then go on"
        )
        print(f"error: {sentence}", file=sys.stderr)
        raise SystemExit(EXIT_USER) from None


def _was_interrupted(leaving: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it; typer makes an exit of its own of that."""
    while leaving is not None and not isinstance(leaving, KeyboardInterrupt):
        leaving = leaving.__cause__ or leaving.__context__
    return leaving is not None


def _optional_values(arguments: list[str]) -> list[str]:
    """Give a bare ``--resume`` its value ``auto``: typer has no options whose value may be left out."""
    filled = []
    for argument, following in zip(arguments, [*arguments[1:], "--"], strict=True):
        filled.append(argument)
        if argument == "--resume" and following.startswith("-"):
            filled.append("auto")
    return filled
