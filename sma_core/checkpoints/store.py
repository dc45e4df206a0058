"""Save and load checkpoint folders atomically.

A checkpoint is written to a temporary folder and flushed, its manifest of sizes and SHA-256 sums last, then the
folder is renamed. A folder that does not match its manifest is skipped, and the previous checkpoint is used. A
checkpoint that cannot be read, or has a later format, may be intact: it is neither skipped nor removed. Tensors
are saved as safetensors, the rest as JSON.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from sma_core.checkpoints.tensor_file import save_file
from sma_core.errors import CheckpointError
from sma_core.files import (
    flush,
    remove_folder,
    remove_temporaries,
    temporary_name,
    write_atomically,
)
from sma_core.sealed import SealedFile, seal, unseal

logger = logging.getLogger("sma")

FORMAT_VERSION = 2
_RENAMED_PREFIXES = {1: ("encoder.cross.", "encoder.first.")}
"""Format -> prefix of tensor names in this format, and in the next."""

MODEL, TRAINING, STATE, MANIFEST = "model.safetensors", "training.safetensors", "state.json", "manifest.json"
SEAL = "sha256"
"""Key of the manifest's own checksum."""


class DamagedCheckpoint(CheckpointError):
    """A checkpoint folder does not match its manifest."""


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint whose checksums have been verified."""

    step: int
    folder: Path
    state: dict[str, Any]
    format: int

    def model(self) -> dict[str, Tensor]:
        """Load the model's tensors by parameter name."""
        return upgrade_names(load_file(self.folder / MODEL), self.format)

    def training(self) -> dict[str, Tensor]:
        """Load the optimiser's tensors by name."""
        return upgrade_names(load_file(self.folder / TRAINING), self.format)


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
            (temporary / STATE).write_text(json.dumps({"step": step, **state}, indent=1), encoding="utf-8")
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

        Raises `CheckpointError` if the folder cannot be read.
        """
        try:
            names = [path.name for path in self.folder.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CheckpointError(f"{self.folder} cannot be read: {error.strerror or error}") from error
        return sorted(int(name[5:]) for name in names if name.startswith("step-") and name[5:].isdigit())

    def read(self, step: int) -> StoredCheckpoint:
        """Read and verify one checkpoint.

        Raises `DamagedCheckpoint` if a file does not match the manifest, `CheckpointError` if the checkpoint
        cannot be read or has a later format.
        """
        folder = self.path(step)
        try:
            version = _check_manifest(folder)
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        except OSError as error:
            raise CheckpointError(
                f"{folder} cannot be read: {error.strerror or error}; it may be intact: fix the cause, then retry"
            ) from error
        return StoredCheckpoint(step, folder, state, version)

    def latest(self) -> StoredCheckpoint | None:
        """Return the newest intact checkpoint, or None if there are no checkpoints; log damaged ones.

        Raises `CheckpointError` if all checkpoints are damaged.
        """
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


def _seal(folder: Path) -> None:
    """Flush all files, then write the manifest."""
    files = {}
    for path in sorted(folder.iterdir()):
        flush(path)
        file = SealedFile.of(path)
        files[path.name] = {"bytes": file.size, "sha256": file.sha256}
    manifest = seal({"format": FORMAT_VERSION, "files": files}, SEAL)
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1))
    flush(folder)


def _check_manifest(folder: Path) -> int:
    """Verify sizes and checksums, and return the format."""
    version, files = _read_manifest(folder)
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{folder} was written by a later sma-core (checkpoint format {version}, this one reads up to "
            f"{FORMAT_VERSION}): upgrade sma-core"
        )
    for name, entry in files.items():
        file = SealedFile(name=name, size=entry["bytes"], sha256=entry["sha256"])
        if not file.is_whole(folder / name):
            raise DamagedCheckpoint(f"{folder} is damaged: {name} does not match its manifest")
    return version


def _read_manifest(folder: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return format and file entries; verify the manifest's own checksum, missing in early manifests."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = int(manifest["format"]), dict(manifest["files"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedCheckpoint(f"{folder} is damaged: its manifest cannot be read ({error})") from error
    try:
        content = unseal(manifest, SEAL, required=False)
    except ValueError as error:
        raise DamagedCheckpoint(f"{folder} is damaged: {MANIFEST} does not match its own checksum") from error
    if version < 1 or len(content) != 2:
        raise DamagedCheckpoint(f"{folder} is damaged: {MANIFEST} has unexpected entries")
    return version, files


def upgrade_names(tensors: Mapping[str, Tensor], written: int) -> dict[str, Tensor]:
    """Rename tensors of the model or optimiser from format ``written`` to the current one."""
    current = dict(tensors)
    for version in range(written, FORMAT_VERSION):
        old, new = _RENAMED_PREFIXES[version]
        current = {name.replace(old, new, 1): tensor for name, tensor in current.items()}
    return current
