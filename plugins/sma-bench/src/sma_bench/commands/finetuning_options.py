"""Give a command the options of ``sma finetune``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from typing import Any

import typer

from sma_core.cli.finetune import finetune

NOT_SHARED = ("context", "resume", "devices", "dry_run", "time_limit")
"""Parameters of ``sma finetune`` that no command on several runs has."""


def takes_finetuning(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add the options of ``sma finetune`` to a command, except `NOT_SHARED`, those ``without``, and its own."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True)
        shared = _shared({*without, *own.parameters})

        @functools.wraps(command)
        def with_options(context: typer.Context, **options: Any) -> None:  # noqa: ANN401 - options of any type
            command(context=context, **{name: options[name] for name in own.parameters if name != "context"})

        parameters = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) if name != "context" else parameter
            for name, parameter in {**dict(own.parameters), **shared}.items()
        ]
        vars(with_options).update(__signature__=own.replace(parameters=parameters))
        with_options.__annotations__ = {item.name: item.annotation for item in parameters} | {"return": None}
        return with_options

    return decorate


def _shared(left_out: Collection[str]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(finetune, eval_str=True).parameters
    return {name: item for name, item in parameters.items() if name not in (*NOT_SHARED, *left_out)}
