"""JSON files of runs: read into typed records, and written so that any JSON parser reads them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

R = TypeVar("R")
LARGEST = 64 << 20
"""Bytes of the largest document that is read."""


def read_document(path: Path) -> bytes:
    """Return the content of a regular file; raises `OSError`, and `ValueError` when it is too large."""
    if not path.is_file():  # also a device or a pipe, which would never end
        raise FileNotFoundError(2, "no such file", str(path))
    if path.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST >> 20} MiB")
    return path.read_bytes()


def parse_record(text: bytes | str, kind: type[R]) -> R:
    """Parse JSON of type ``kind``; raises `ValueError` with one line that names the entry."""
    try:
        return TypeAdapter(kind).validate_json(text)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error


def validated(value: object, kind: type[R]) -> R:
    """Return parsed JSON as a record of type ``kind``; raises `ValueError` as `parse_record` does."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from error


def first_fault(error: ValidationError) -> str:
    """Return the first fault of a validation as ``entry: what is wrong``."""
    first = error.errors(include_url=False, include_input=False)[0]
    message = " ".join(first["msg"].removeprefix("Value error, ").split())
    entry = ".".join(str(part)[:60] for part in first["loc"])
    return f"{entry}: {message}" if entry else message


def plain(value: Any) -> Any:  # noqa: ANN401 - walks any JSON-like value
    """Convert paths and values of other types to text, and NaN and infinities to None, for JSON."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


def json_text(value: Any, indent: int | None = None) -> str:  # noqa: ANN401 - any JSON-like value
    """Return a value as valid JSON: NaN and infinities become null."""
    return json.dumps(plain(value), indent=indent, ensure_ascii=False, allow_nan=False)
