"""Names of the form ``package.module:attribute``, so that a spec costs nothing until it is used."""

from __future__ import annotations

import importlib
from typing import Any

from sma_core.errors import PluginError
from sma_core.plugins.missing import missing_hint
from sma_core.plugins.quiet import output_to_stderr


def resolve(reference: str, needed_by: str) -> Any:  # noqa: ANN401 - a reference may name anything
    """Import what ``reference`` names and return it.

    Raises `PluginError` when the text is malformed or names nothing that can be imported;
    ``needed_by`` (for example ``"tokenizer 'bytes'"``) says in the message who asked.
    """
    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        raise PluginError(f"{needed_by} names {reference!r}; it must look like 'package.module:attribute'")
    try:
        with output_to_stderr():
            value: Any = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        reason += missing_hint(error)
        raise PluginError(f"{needed_by} needs {reference!r}, which cannot be imported: {reason}") from error
    try:
        for part in attribute.split("."):
            value = getattr(value, part)
    except AttributeError as error:
        raise PluginError(f"{needed_by} needs {reference!r}, which does not exist: {error}") from error
    return value
