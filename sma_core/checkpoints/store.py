"""Checkpoint folders that are whole or not there.

A checkpoint is written beside its place (a folder whose name begins with a dot), flushed, its
manifest with sizes and SHA-256 sums last, then renamed as a whole. Readers trust only a folder whose
manifest fits, and take the one before when it does not. What cannot be read now, or was written by a later
sma-core, may well be whole: it is neither skipped nor removed. Tensors are in safetensors, the rest is JSON.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from sma_core.checkpoints.formats import FORMAT_VERSION, upgraded
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

MODEL, TRAINING, STATE, MANIFEST = "model.safetensors", "training.safetensors", "state.json", "manifest.json"
SEAL = "sha256"
"""Where the manifest has the sum of the rest of it."""


class DamagedCheckpoint(CheckpointError):
    """A folder does not fit its manifest."""


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint that was read and whose sums fit."""

    step: int
    folder: Path
    state: dict[str, Any]
    format: int

    def model(self) -> dict[str, Tensor]:
        """The model's tensors by parameter name."""
        return upgraded(load_file(self.folder / MODEL), self.format)

    def training(self) -> dict[str, Tensor]:
        """The optimiser's tensors by name."""
        return upgraded(load_file(self.folder / TRAINING), self.format)


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
        """Publish the checkpoint of ``step`` and return its folder.

        Tensors that are spread over the ranks are gathered one by one: see `sma_core.checkpoints.tensor_file`.
        Raises `CheckpointError` when it cannot be written; what was published before stays as it is.
        """
        final = self.place(step)
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
                "the ones before it are untouched: make room, then go on with --resume"
            ) from error
        return final

    def place(self, step: int) -> Path:
        """Return the folder of the checkpoint of ``step``, which may not be there."""
        return self.folder / f"step-{step:08d}"

    def _publish(self, temporary: Path, final: Path) -> None:
        """Rename the finished folder into place, then point ``latest`` at it."""
        if final.exists():
            remove_folder(final)
        temporary.rename(final)
        flush(self.folder)
        write_atomically(self.folder / "latest", final.name + "\n")

    def steps(self) -> list[int]:
        """Steps that have a published folder, newest last; the folders are not yet checked.

        Raises `CheckpointError` when the system does not let the folder be looked into.
        """
        try:
            names = [path.name for path in self.folder.iterdir() if path.is_dir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CheckpointError(f"{self.folder} cannot be read: {error.strerror or error}") from error
        return sorted(int(name[5:]) for name in names if name.startswith("step-") and name[5:].isdigit())

    def read(self, step: int) -> StoredCheckpoint:
        """Read and check one checkpoint.

        Raises `DamagedCheckpoint` saying what does not fit its manifest, and `CheckpointError` when the system
        does not let it be read, or a later sma-core wrote it.
        """
        folder = self.place(step)
        try:
            written = _check_manifest(folder)
            state = json.loads((folder / STATE).read_text(encoding="utf-8"))
        except OSError as error:
            raise CheckpointError(
                f"{folder} cannot be read: {error.strerror or error}; it may be whole: mend that, then try again"
            ) from error
        return StoredCheckpoint(step, folder, state, written)

    def latest(self) -> StoredCheckpoint | None:
        """Return the newest checkpoint that is whole, or None where there is none; warnings name damaged ones.

        Raises `CheckpointError` when there are some and none of them is whole.
        """
        steps = self.steps()
        for step in reversed(steps):
            try:
                return self.read(step)
            except DamagedCheckpoint as error:
                if step == steps[0]:
                    raise CheckpointError(
                        f"{error}, and no other checkpoint in {self.folder} is whole: bring one back from a copy, "
                        "or remove that folder to begin this run again"
                    ) from error
                logger.warning("%s; taking the one before", error)
        return None

    def best(self) -> StoredCheckpoint | None:
        """Return the checkpoint with the best figure; the newest when none was marked or it is damaged."""
        newest = self.latest()
        step = newest.state.get("best_step") if newest else None
        if newest is None or step is None or step == newest.step:
            return newest
        try:
            return self.read(step)
        except DamagedCheckpoint as error:
            logger.warning("%s; taking the newest instead", error)
            return newest

    def prune(self, keep_last: int, best_step: int | None) -> None:
        """Delete all but the newest ``keep_last`` and the best."""
        steps = self.steps()
        for step in steps[:-keep_last]:
            if step != best_step:
                remove_folder(self.place(step))

    def sweep(self, after: int) -> None:
        """Remove what an interrupted process left: temporaries, and damaged folders later than ``after``."""
        remove_temporaries(self.folder)
        for step in self.steps():
            if step > after:
                remove_folder(self.place(step))


def _seal(folder: Path) -> None:
    """Flush every file and write the manifest that makes the folder a checkpoint."""
    files = {}
    for path in sorted(folder.iterdir()):
        flush(path)
        file = SealedFile.of(path)
        files[path.name] = {"bytes": file.size, "sha256": file.sha256}
    manifest = seal({"format": FORMAT_VERSION, "files": files}, SEAL)
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1))
    flush(folder)


def _check_manifest(folder: Path) -> int:
    """Check sizes and sums, and return the format the folder was written in."""
    version, files = _read_manifest(folder)
    if version > FORMAT_VERSION:
        raise CheckpointError(
            f"{folder} was written by a later sma-core (checkpoint format {version}, this one reads up to "
            f"{FORMAT_VERSION}): upgrade sma-core"
        )
    for name, facts in files.items():
        file = SealedFile(name=name, size=facts["bytes"], sha256=facts["sha256"])
        if not file.is_whole(folder / name):
            raise DamagedCheckpoint(f"{folder} is damaged: {name} does not fit its manifest")
    return version


def _read_manifest(folder: Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the format and the files' facts; a manifest has its own sum, which the first ones had not."""
    try:
        written = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        version, files = int(written["format"]), dict(written["files"])
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedCheckpoint(f"{folder} is not whole: its manifest cannot be read ({error})") from error
    try:
        facts = unseal(written, SEAL, required=False)
    except ValueError as error:
        raise DamagedCheckpoint(f"{folder} is damaged: {MANIFEST} does not fit its own sum") from error
    if version < 1 or len(facts) != 2:
        raise DamagedCheckpoint(f"{folder} is damaged: {MANIFEST} has other entries than it should")
    return version, files
