"""Names of the form ``package.module:attribute``, so that a spec costs nothing until it is used."""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any

from sma_core.errors import PluginError


def resolve(reference: str, needed_by: str) -> Any:  # noqa: ANN401 - a reference may name anything
    """Import what ``reference`` names and return it.

    Raises `PluginError` when the text is malformed or names nothing that can be imported;
    ``needed_by`` (for example ``"tokenizer 'bytes'"``) says in the message who asked.
    """
    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        raise PluginError(f"{needed_by} names {reference!r}; it must look like 'package.module:attribute'")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            value: Any = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, ImportError) else f"{type(error).__name__}: {error}"
        raise PluginError(f"{needed_by} needs {reference!r}, which cannot be imported: {reason}") from error
    try:
        for part in attribute.split("."):
            value = getattr(value, part)
    except AttributeError as error:
        raise PluginError(f"{needed_by} needs {reference!r}, which does not exist: {error}") from error
    return value
