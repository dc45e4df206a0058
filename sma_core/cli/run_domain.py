"""The option ``--domain FILE`` of commands that read a run, needed when the run's domain was a file.

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
    typer.Option(
        "--domain",
        metavar="FILE",
        help="Python file of the run's domain; needed when the run was trained with one.",
    ),
]


def reads_run(verb: Callable[..., None]) -> Callable[..., None]:
    """Add ``--domain FILE`` to a command; only a file that the user passes is imported."""
    signature = inspect.signature(verb, eval_str=True)
    if _NAME in signature.parameters:
        return verb

    @functools.wraps(verb)
    def with_domain(context: typer.Context, **options: Any) -> None:  # noqa: ANN401 - the command's own options
        from sma_core.plugins.domain_file import is_file, named

        domain = options.pop(_NAME)
        if domain is not None and not is_file(domain):
            raise UserError(
                f"--domain must be a Python file, not {domain!r}: the run records the name of its domain"
            )
        context.obj = named(domain, context.obj)[1]
        verb(context=context, **options)

    option = inspect.Parameter(_NAME, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_Option)
    parameters = [*signature.parameters.values(), option]
    annotations = {parameter.name: parameter.annotation for parameter in parameters}
    vars(with_domain).update(__signature__=signature.replace(parameters=parameters))
    with_domain.__annotations__ = annotations | {"return": None}
    return with_domain
