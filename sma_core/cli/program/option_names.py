"""Show settings that messages name as options of the running command.

Messages name settings and arguments as Python has them: ``data.column``, or ``kind=regression`` in backticks. A
command shows its own option instead (``--input``, ``--kind regression``), or ``--set``, if it has one.
"""

from __future__ import annotations

import logging
import re
from contextvars import ContextVar
from typing import Any

from sma_core.errors import SmaError

SETTINGS = {
    "data": "data.source",
    "column": "data.column",
    "columns": "data.columns",
    "exclude": "data.exclude",
    "delimiter": "data.delimiter",
    "reader": "data.reader",
    "max_rejected": "data.max_rejected",
    "window_overlap": "data.window_overlap",
    "target": "targets",
    "kind": "kind",
    "censored_labels": "censored_labels",
    "positive": "positive",
    "weight": "weight",
    "metric": "metric",
    "head": "head",
    "loss": "loss",
    "class_weights": "class_weights",
    "position_mask": "position_mask",
    "split": "split.name",
    "split_column": "split.column",
    "split_seed": "split.seed",
    "group": "split.group",
    "folds": "split.folds",
    "fold": "split.fold",
    "frozen": "training.frozen_encoder",
    "lora_rank": "training.lora_rank",
    "unfreeze_layers": "training.unfreeze_layers",
    "layer_decay": "training.layer_decay",
    "patience": "training.patience",
    "time_limit": "training.time_limit",
}
"""Parameter of an option, which has the same meaning in every command -> the setting that it changes."""

_SETTING = re.compile(
    r"`(?P<quoted>[a-z_]+(?:\.[a-z_]+)?)(?:=(?P<text>[^`]+))?`"
    r"|(?<![\w./'\"-])(?<!--set )(?P<bare>(?:data|model|masking|split|training)\.[a-z_]+)"
    r"(?:=(?P<value>[\w.]*\w))?(?![\w./])"
)
FLAG = " "
"""Ends an option that takes no value."""
_options: ContextVar[dict[str, str]] = ContextVar("options", default={})  # noqa: B039 - never changed in place


def invoke(command: Any, context: Any) -> Any:  # noqa: ANN401 - typer's classes of commands and contexts
    """Run a command; its errors and warnings name its options."""
    token = _options.set(_names(command))
    try:
        return type(command).invoke(command, context)
    except SmaError as error:
        error.args = (in_options(str(error)), *error.args[1:])
        raise
    finally:
        _options.reset(token)


def in_options(message: str) -> str:
    """Return a message in which settings are options of the running command, where it has them."""
    return _SETTING.sub(_option, message)


class OptionNames(logging.Formatter):
    """Format log records with the options of the running command."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return in_options(super().format(record))


def _names(command: Any) -> dict[str, str]:  # noqa: ANN401 - typer's class of commands
    """Return the option for each parameter of a command and for the setting that it changes."""
    names = {"settings": "the command line"}
    for parameter in command.params:
        option = max(parameter.opts, key=len)
        if option.startswith("--"):
            option += FLAG if getattr(parameter, "is_flag", False) else ""
            names[parameter.name] = names[SETTINGS.get(parameter.name, parameter.name)] = option
    return names


def _option(setting: re.Match[str]) -> str:
    """Return the option for a setting, ``--set`` for one with a value, or the setting unchanged."""
    name = setting["quoted"] or setting["bare"]
    value = setting["text"] or setting["value"]
    options = _options.get()
    if name in options:
        option = options[name].removesuffix(FLAG)
        return f"{option} {value}" if value and option == options[name] else option
    if value and "assignments" in options and (name in SETTINGS.values() or "." in name):
        return f"--set {name}={value}"
    return setting[0]
