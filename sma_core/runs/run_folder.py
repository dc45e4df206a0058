"""A run's folder: where it lies, what is in it, and what it says about the model it holds.

``config.toml`` is every setting, ``model.json`` what is needed to use the model (verb, domain,
tokenizer, task, versions), ``environment.json`` the machine and packages, ``metrics.jsonl`` the curve,
``rejected.jsonl`` the rows left out, ``checkpoints/`` the weights; a finished fine-tuning has ``results.json``
and, in words, ``README.md``.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Self

import tomli_w
import torch
from filelock import FileLock, Timeout
from pydantic import BaseModel

from sma_core.checkpoints.store import CheckpointStore
from sma_core.config.layers import Values, dump, read_toml
from sma_core.errors import CheckpointError, UserError
from sma_core.files import is_temporary, remove_temporaries, replacing, write_atomically
from sma_core.runs.record import RunRecord
from sma_core.urls import without_secrets

logger = logging.getLogger("sma")

RUNS = Path("runs")


@dataclass(frozen=True)
class RunFolder:
    """One run on disk; with ``read_only`` nothing is ever written: of several ranks only the first writes."""

    path: Path
    read_only: bool = False

    @classmethod
    def create(cls, out: Path | None, label: str) -> Self:
        """Make a new folder: ``out``, or ``runs/<label>-<time>``; raises `UserError` when ``out`` is in use.

        An ``out`` in which a run was killed before it had begun counts as empty.
        """
        if out is not None:
            if out.exists() and (not out.is_dir() or not _nothing_begun(out)):
                raise UserError(
                    f"{out} already exists and is not empty: give another --out, or go on with --resume {out}"
                )
            return cls._make(out, anew=False)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for number in range(1, 1000):
            with suppress(FileExistsError):
                return cls._make(RUNS / f"{label}-{stamp}{f'-{number}' if number > 1 else ''}", anew=True)
        raise UserError(f"cannot find a free name for a new run under {RUNS}: give one with --out")

    @classmethod
    def _make(cls, path: Path, anew: bool) -> Self:
        try:
            path.mkdir(parents=True, exist_ok=not anew)
        except OSError as error:
            if anew and path.is_dir():
                raise
            raise UserError(f"cannot make the run folder {path}: {error.strerror or error}") from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing run; raises `CheckpointError` when there is none."""
        if not (path / "config.toml").is_file() or not (path / "model.json").is_file():
            hint = "" if path.exists() else " (there is no such folder)"
            raise CheckpointError(
                f"{path} is not a run folder{hint}: sma train writes config.toml and model.json into one"
            )
        return cls(path)

    @property
    def checkpoints(self) -> CheckpointStore:
        """The run's checkpoints."""
        return CheckpointStore(self.path / "checkpoints")

    @property
    def metrics(self) -> Path:
        """Path of the metrics file."""
        return self.path / "metrics.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in this folder; raises `UserError` when one does."""
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"{self.path} is in use by another process that trains in it: wait for its end, or begin a new run"
            ) from error
        except OSError as error:
            raise _cannot_write(self.path, error) from error
        except NotImplementedError:
            logger.warning(
                "the file system of %s has no locks: see to it that no other process trains there", self.path
            )
        try:
            yield
        finally:
            lock.release()

    def _write(self, name: str, text: str) -> None:
        """Write a file whole; raises `UserError` when the system does not let it be written."""
        if self.read_only:
            return
        try:
            write_atomically(self.path / name, text)
        except OSError as error:
            raise _cannot_write(self.path / name, error) from error

    def write_config(self, config: BaseModel, precision: str | None = None) -> None:
        """Write every setting to ``config.toml``; ``precision`` is what ``auto`` came to, so that it stays."""
        values = dump(config)
        if precision is not None:
            values["training"]["precision"] = precision
        self._write("config.toml", tomli_w.dumps(values))

    def config(self) -> Values:
        """Return the settings as nested values."""
        return read_toml(self.path / "config.toml")

    def write_record(self, record: RunRecord) -> None:
        """Write ``model.json``: what a verb must know to use this folder as a model."""
        self._write("model.json", record.to_json())

    def record(self) -> RunRecord:
        """Read ``model.json``; raises `CheckpointError` when it is damaged or of a later format."""
        return RunRecord.read(self.path / "model.json")

    def write_results(self, figures: dict[str, Any]) -> None:
        """Write ``results.json``: what a finished fine-tuning reached."""
        self._write("results.json", json.dumps(figures, indent=1, default=str) + "\n")

    def write_card(self, text: str) -> None:
        """Write ``README.md``: what a finished fine-tuning is, in words."""
        self._write("README.md", text)

    def write_environment(self, plugins: Mapping[str, str]) -> None:
        """Write ``environment.json``: command, machine, Python, packages; ``plugins`` are those in use."""
        facts = {
            "command": [without_secrets(argument) for argument in sys.argv],
            "python": platform.python_version(),
            "platform": platform.platform(),
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "packages": {name: _version(name) for name in ("sma-core", "torch", "numpy", "pyarrow")},
            "plugins": dict(plugins),
        }
        self._write("environment.json", json.dumps(facts, indent=1) + "\n")

    def copy_rejected(self, *lists: Path) -> None:
        """Copy the lists of rows left out into one of the run."""
        if self.read_only:
            return
        try:
            with replacing(self.path / "rejected.jsonl") as temporary, temporary.open("wb") as file:
                for path in lists:
                    with path.open("rb") as source:
                        shutil.copyfileobj(source, file)
        except OSError as error:
            raise _cannot_write(self.path / "rejected.jsonl", error) from error

    def sweep(self) -> None:
        """Remove what an interrupted process left under temporary names; only for who holds the lock."""
        remove_temporaries(self.path)


def _nothing_begun(folder: Path) -> bool:
    """Whether ``folder`` holds at most what is written before ``model.json``, which makes it a run."""
    begun = {"config.toml", "environment.json", "rejected.jsonl", ".lock"}
    return all(path.name in begun or is_temporary(path) for path in folder.iterdir())


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {path}: {error.strerror or error}; what was saved before is whole: mend that, then go on "
        "with --resume"
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
