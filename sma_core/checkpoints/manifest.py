"""The contents of a checkpoint's ``manifest.json``: the format, and size and checksum of each file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt

from sma_core.documents import parse_record, read_document
from sma_core.errors import CheckpointError
from sma_core.sealed import SealedFile, unseal

SEAL = "sha256"
"""Key of the manifest's own checksum, which early manifests lack."""


class _Entry(BaseModel):
    """Size and checksum of a file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    bytes: NonNegativeInt
    sha256: str


class _Format(BaseModel):
    """The version, which is read before all else."""

    format: PositiveInt


class _Manifest(_Format):
    model_config = ConfigDict(extra="forbid", strict=True)

    files: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9._-]*$")], _Entry]
    sha256: str | None = None


def read_manifest(path: Path, newest: int) -> tuple[int, list[SealedFile]]:
    """Return the format and the files of a manifest.

    Raises `OSError` when it cannot be read, `ValueError` when it is damaged, and `CheckpointError` when its format
    is later than ``newest``.
    """
    try:
        text = read_document(path)
        version = parse_record(text, _Format).format
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ValueError(f"its manifest cannot be read ({error})") from error
    if version > newest:
        raise CheckpointError(
            f"{path.parent} was written by a later sma-core (checkpoint format {version}, this one reads up to "
            f"{newest}): upgrade sma-core"
        )
    try:
        manifest = parse_record(text, _Manifest)
    except ValueError as error:
        raise ValueError(f"its manifest cannot be read ({error})") from error
    try:
        unseal(manifest.model_dump(exclude_none=True), SEAL, required=False)
    except ValueError as error:
        raise ValueError(f"{path.name} does not match its own checksum") from error
    files = [SealedFile(name=name, size=file.bytes, sha256=file.sha256) for name, file in manifest.files.items()]
    return version, files
