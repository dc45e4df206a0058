"""The settings as a JSON schema, with which editors complete and check files of settings and recipes."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def settings_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a file with some settings of ``model``.

    Every setting may be left out, and an empty one is the text ``none``, since TOML has no null.
    """
    schema: dict[str, Any] = _as_in_files(model.model_json_schema())
    return {"$schema": DIALECT} | schema


def _as_in_files(part: Any) -> Any:  # noqa: ANN401 - a part of a JSON document
    if isinstance(part, list):
        return [_as_in_files(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part == {"type": "null"}:
        return {"const": "none"}
    kept = {name: value for name, value in part.items() if name != "required" or not isinstance(value, list)}
    if kept.get("default", "") is None:
        kept["default"] = "none"
    return {name: _as_in_files(value) for name, value in kept.items()}
