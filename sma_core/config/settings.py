"""The base of all settings, and types that several of them use."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from types import NoneType
from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

LARGEST = 2**53
"""Largest number that a setting takes, which a double still holds exactly."""
Size = Annotated[int, Field(ge=1, le=1 << 20)]
"""A width, a length or a number of parts of the network: beyond a million no memory suffices."""


class Settings(BaseModel):
    """Base class of settings: frozen, rejects unknown fields, and numbers that are not finite or too large."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _none_is_empty(cls, values: Any) -> Any:  # noqa: ANN401 - pydantic passes the input unchanged
        """Convert the text ``none`` to None in optional settings: TOML has no null."""
        if not isinstance(values, dict):
            return values
        fields = cls.model_fields
        for name, value in values.items():
            if isinstance(value, int | float) and abs(value) > LARGEST:
                raise ValueError(f"{name} is larger than any setting can be")
        return {
            name: None
            if value == "none" and name in fields and NoneType in get_args(fields[name].annotation)
            else value
            for name, value in values.items()
        }


MemberName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*([-_][a-z0-9]+)*$")]
"""Name of a part of the method, from the core or a plugin."""
Options = dict[str, bool | int | float | str]
"""Options of a part of the method."""


def split_names(value: Any) -> Any:  # noqa: ANN401 - pydantic passes the input unchanged
    """Split a comma-separated text into names; one that holds a comma stands in double quotes.

    >>> split_names('pt, "log S, measured"')
    ['pt', 'log S, measured']
    """
    if not isinstance(value, str):
        return value
    return [name.strip() for name in next(csv.reader([value], skipinitialspace=True), []) if name.strip()]


def join_names(names: Sequence[str]) -> str:
    """Return names as `split_names` reads them."""
    quoted = ('"' + name.replace('"', '""') + '"' if set(name) & set(',"\r\n') else name for name in names)
    return ",".join(quoted)


Names = Annotated[tuple[str, ...], BeforeValidator(split_names)]
"""Names of columns: a list, or a text with commas between them."""
