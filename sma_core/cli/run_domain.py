"""The option ``--domain`` of verbs that read a run: where a run's domain came from a file, it must be named.

Public API for authors of commands: `reads_run`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from sma_core.errors import UserError

_NAME = "domain"
_Option = Annotated[
    str | None,
    typer.Option("--domain", metavar="FILE", help="The file that the run's domain came from, if it did."),
]


def reads_run(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb ``--domain FILE``: what it names may be imported. A run knows the names of all other domains."""
    signature = inspect.signature(verb, eval_str=True)
    if _NAME in signature.parameters:
        return verb

    @functools.wraps(verb)
    def with_domain(context: typer.Context, **options: Any) -> None:  # noqa: ANN401 - the verb's own
        from sma_core.plugins.domain_file import is_file, named

        domain = options.pop(_NAME)
        if domain is not None and not is_file(domain):
            raise UserError(f"--domain takes a Python file here, not {domain!r}: the run knows its domain by name")
        context.obj = named(domain, context.obj)[1]
        verb(context=context, **options)

    option = inspect.Parameter(_NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Option)
    parameters = [*signature.parameters.values(), option]
    annotations = {parameter.name: parameter.annotation for parameter in parameters}
    vars(with_domain).update(__signature__=signature.replace(parameters=parameters))
    with_domain.__annotations__ = annotations | {"return": None}
    return with_domain
