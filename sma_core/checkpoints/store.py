"""Save and load checkpoint folders atomically.

A checkpoint is written to a temporary folder and flushed, its manifest of sizes and SHA-256 sums last, then the
folder is renamed. A folder that does not match its manifest is skipped, and the previous checkpoint is used. A
checkpoint that cannot be read, or has a later format, may be intact: it is neither skipped nor removed. Tensors
are saved as safetensors, the rest as JSON.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pydantic import BaseModel
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sma_core.checkpoints.manifest import SEAL, read_manifest
from sma_core.checkpoints.tensor_file import save_file
from sma_core.documents import json_text, parse_record, read_document
from sma_core.errors import CheckpointError
from sma_core.files import (
    flush,
    remove_folder,
    remove_temporaries,
    temporary_name,
    write_atomically,
)
from sma_core.sealed import SealedFile, seal

logger = logging.getLogger("sma")
T = TypeVar("T")

FORMAT_VERSION = 2
_RENAMED_PREFIXES = {1: ("encoder.cross.", "encoder.first.")}
"""Format -> prefix of tensor names in this format, and in the next."""

MODEL, TRAINING, STATE, MANIFEST = "model.safetensors", "training.safetensors", "state.json", "manifest.json"


class _Steps(BaseModel):
    """The entries of ``state.json`` that a store itself reads."""

    step: int
    best_step: int | None = None


class DamagedCheckpoint(CheckpointError):
    """A checkpoint folder does not match its manifest."""


class ReplacedCheckpoint(CheckpointError):
    """A checkpoint folder was removed or replaced while it was read, by a training that is running."""

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Return the error of a folder."""
        return cls(f"{folder} is not there, or was replaced while it was read: repeat the command")


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint whose checksums have been verified."""

    step: int
    folder: Path
    state: dict[str, Any]
    format: int

    def model(self) -> dict[str, Tensor]:
        """Load the model's tensors by parameter name; raises `CheckpointError` when a weight is not finite."""
        tensors = self._load(MODEL)
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not tensor.isfinite().all():
                raise DamagedCheckpoint(f"{self.folder / MODEL}: {name} has values that are not finite")
        return tensors

    @property
    def model_size(self) -> int:
        """Size of the file of the model's tensors in bytes."""
        return (self.folder / MODEL).stat().st_size

    def training(self) -> dict[str, Tensor]:
        """Load the optimiser's tensors by name."""
        return self._load(TRAINING)

    def _load(self, name: str) -> dict[str, Tensor]:
        path = self.folder / name
        try:
            tensors = load_file(path)
        except (FileNotFoundError, RuntimeError) as error:  # torch's error when it opens the file again
            if path.is_file():
                raise
            raise ReplacedCheckpoint.of(self.folder) from error
        except SafetensorError as error:
            raise DamagedCheckpoint(f"{path} is damaged: {error}") from error
        return upgrade_names(tensors, self.format)


class CheckpointStore:
    """The ``checkpoints`` folder of a run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self,
        step: int,
        model: Mapping[str, Tensor],
        training: Mapping[str, Tensor],
        state: Mapping[str, Any],
    ) -> Path:
        """Save the checkpoint of ``step`` and return its folder.

        Tensors sharded over ranks are gathered one by one, see `sma_core.checkpoints.tensor_file`. Raises
        `CheckpointError` if it cannot be written; earlier checkpoints are unchanged.
        """
        final = self.path(step)
        temporary = temporary_name(final)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
            save_file(model, temporary / MODEL)
            save_file(training, temporary / TRAINING)
            (temporary / STATE).write_text(json_text({"step": step, **state}, indent=1), encoding="utf-8")
            _seal(temporary)
            self._publish(temporary, final)
        except CheckpointError:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        except OSError as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise CheckpointError(
                f"cannot save the checkpoint of step {step} in {self.folder}: {error}; "
                "earlier checkpoints are unchanged: free some space, then continue with `resume`"
            ) from error
        return final

    def path(self, step: int) -> Path:
        """Return the folder of the checkpoint of ``step``, which need not exist."""
        return self.folder / f"step-{step:08d}"

    def _publish(self, temporary: Path, final: Path) -> None:
        """Rename the complete folder, then update ``latest``."""
        if final.exists():
            remove_folder(final)
        temporary.rename(final)
        flush(self.folder)
        write_atomically(self.folder / "latest", final.name + "\n")

    def steps(self) -> list[int]:
        """Return the steps of all checkpoints in ascending order, without verifying them.

        Raises `CheckpointError` if the folder cannot be read, or is a link that leads out of the run's folder.
        """
        self._refuse_links(self.folder)
        try:
            names = [path.name for path in self.folder.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CheckpointError(f"{self.folder} cannot be read: {error.strerror or error}") from error
        return sorted(int(name[5:]) for name in names if name.startswith("step-") and name[5:].isdigit())

    def read(self, step: int) -> StoredCheckpoint:
        """Read and verify one checkpoint.

        Raises `DamagedCheckpoint` if a file does not match the manifest, `ReplacedCheckpoint` if a training
        removed or replaced the folder meanwhile, `CheckpointError` if it cannot be read or has a later format.
        """
        folder = self.path(step)
        self._refuse_links(folder)
        before = _identity(folder)
        try:
            version = _check_manifest(folder)
            state = _read_state(folder, step)
        except (OSError, DamagedCheckpoint) as error:
            if before is None or _identity(folder) != before:
                raise ReplacedCheckpoint.of(folder) from error
            if isinstance(error, DamagedCheckpoint):
                raise
            raise CheckpointError(
                f"{folder} cannot be read: {error.strerror or error}; it may be intact: fix the cause, then retry"
            ) from error
        return StoredCheckpoint(step, folder, state, version)

    def _refuse_links(self, folder: Path) -> None:
        """Raise `CheckpointError` when a folder is a link that leads out of the run's folder."""
        if not folder.resolve().is_relative_to(self.folder.parent.resolve()):
            raise CheckpointError(f"{folder} is a link out of {self.folder.parent}: copy what it points to there")

    def latest(self) -> StoredCheckpoint | None:
        """Return the newest intact checkpoint, or None if there are no checkpoints; log damaged ones.

        Raises `CheckpointError` if all checkpoints are damaged.
        """
        return undisturbed(self._latest)

    def _latest(self) -> StoredCheckpoint | None:
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self.read(step)
            except DamagedCheckpoint as error:
                if step == steps[0]:
                    raise CheckpointError(
                        f"{error}, and no other checkpoint in {self.folder} is intact: restore one from a backup, "
                        "or remove that folder to restart this run"
                    ) from error
                logger.warning("%s; using the previous checkpoint", error)
        return None

    def best(self) -> StoredCheckpoint | None:
        """Return the checkpoint with the best metric, or the newest if none is marked or the best is damaged."""
        return undisturbed(self._best)

    def _best(self) -> StoredCheckpoint | None:
        newest = self.latest()
        step = newest.state.get("best_step") if newest else None
        if newest is None or step is None or step == newest.step:
            return newest
        try:
            return self.read(step)
        except DamagedCheckpoint as error:
            logger.warning("%s; using the newest checkpoint", error)
            return newest

    def at(self, step: int) -> StoredCheckpoint:
        """Return the checkpoint of ``step``; raises `CheckpointError` as `read` does, or if there is none."""
        steps = self.steps()
        if step not in steps:
            listed = ", ".join(f"{saved:,}" for saved in steps) or "none"
            raise CheckpointError(f"{self.folder} has no checkpoint of step {step:,}; it has: {listed}")
        return self.read(step)

    def prune(self, keep_last: int, best_step: int | None, milestones: Collection[int] = ()) -> None:
        """Delete all checkpoints but the newest ``keep_last``, the best, and those of ``milestones``."""
        steps = self.steps()
        for step in steps[:-keep_last]:
            if step != best_step and step not in milestones:
                remove_folder(self.path(step))

    def sweep(self, after: int) -> None:
        """Remove temporary files, and checkpoints after step ``after``, of an interrupted process."""
        remove_temporaries(self.folder)
        for step in self.steps():
            if step > after:
                remove_folder(self.path(step))


def undisturbed(read: Callable[[], T]) -> T:
    """Return what ``read`` returns, called again while a running training replaces the checkpoint it reads."""
    for _ in range(50):
        try:
            return read()
        except ReplacedCheckpoint:
            time.sleep(0.02)
    return read()


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what differs between two folders of one name, None without a folder."""
    try:
        state = folder.stat()
    except OSError:
        return None
    return state.st_ino, state.st_mtime_ns


def _read_state(folder: Path, step: int) -> dict[str, Any]:
    """Return the content of ``state.json``; raises `DamagedCheckpoint` when it belongs to no or another step."""
    try:
        text = read_document(folder / STATE)
        state: dict[str, Any] = parse_record(text, dict[str, Any])
        number = parse_record(text, _Steps).step
    except ValueError as error:
        raise DamagedCheckpoint(f"{folder} is damaged: {STATE}: {error}") from error
    if number != step:
        raise DamagedCheckpoint(f"{folder} is damaged: {STATE} is that of step {number}")
    return state


def _seal(folder: Path) -> None:
    """Flush all files, then write the manifest."""
    files = {}
    for path in sorted(folder.iterdir()):
        flush(path)
        file = SealedFile.of(path)
        files[path.name] = {"bytes": file.size, "sha256": file.sha256}
    manifest = seal({"format": FORMAT_VERSION, "files": files}, SEAL)
    write_atomically(folder / MANIFEST, json_text(manifest, indent=1))
    flush(folder)


def _check_manifest(folder: Path) -> int:
    """Verify sizes and checksums, and return the format."""
    try:
        version, files = read_manifest(folder / MANIFEST, FORMAT_VERSION)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise DamagedCheckpoint(f"{folder} is damaged: {error}") from error
    for file in files:
        if not file.is_whole(folder / file.name):
            raise DamagedCheckpoint(f"{folder} is damaged: {file.name} does not match its manifest")
    missing = {MODEL, STATE} - {file.name for file in files}
    if missing:
        raise DamagedCheckpoint(f"{folder} is damaged: its manifest lacks {' and '.join(sorted(missing))}")
    return version


def upgrade_names(tensors: Mapping[str, Tensor], written: int) -> dict[str, Tensor]:
    """Rename tensors of the model or optimiser from format ``written`` to the current one."""
    current = dict(tensors)
    for version in range(written, FORMAT_VERSION):
        old, new = _RENAMED_PREFIXES[version]
        current = {name.replace(old, new, 1): tensor for name, tensor in current.items()}
    return current
