"""The folder of a run.

``config.toml`` has all settings, ``model.json`` what is needed to use the model (verb, domain, tokenizer, task,
versions), ``environment.json`` machine and packages, ``metrics.jsonl`` the learning curve, ``rejected.jsonl`` the
rejected rows, ``checkpoints/`` the weights. A fine-tuning also has ``split.csv``, which row is in which part, and
when finished ``results.json`` and ``README.md``.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import tomli_w
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from pydantic import BaseModel

from sma_core.checkpoints.store import CheckpointStore
from sma_core.config.layers import Layer, Values, dump, read_toml, resolve
from sma_core.config.settings import Settings
from sma_core.documents import json_text
from sma_core.errors import CheckpointError, UserError
from sma_core.files import is_temporary, remove_temporaries, replacing, write_atomically
from sma_core.paths import as_path
from sma_core.printable import message_text
from sma_core.runs.member_runs import members_of
from sma_core.runs.record import RunRecord
from sma_core.urls import without_secrets

logger = logging.getLogger("sma")

M = TypeVar("M", bound=Settings)

RUNS = Path("runs")
LONGEST_LINE = 20_000
"""Characters of a line of a model card: its commands name all targets."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk; with ``read_only``, as on ranks other than 0, nothing is written."""

    path: Path
    read_only: bool = False

    @classmethod
    def create(cls, out: Path | None, label: str) -> Self:
        """Create ``out``, or ``runs/<label>-<time>``; raises `UserError` when ``out`` is not empty.

        An ``out`` whose run was killed before ``model.json`` was written counts as empty.
        """
        if out is not None:
            out = as_path(out)
            if out.exists() and (not out.is_dir() or not _has_no_run(out)):
                raise UserError(
                    f"{out} already exists and is not empty: pass another `out`, or continue with `resume={out}`"
                )
            return cls._make(out, must_be_new=False)
        stamp = time.strftime("%Y%m%d-%H%M%S")
        for number in range(1, 1000):
            with suppress(FileExistsError):
                return cls._make(RUNS / f"{label}-{stamp}{f'-{number}' if number > 1 else ''}", must_be_new=True)
        raise UserError(f"cannot find a free name for a new run under {RUNS}: pass one with `out`")

    @classmethod
    def _make(cls, path: Path, must_be_new: bool) -> Self:
        try:
            path.mkdir(parents=True, exist_ok=not must_be_new)
        except OSError as error:
            if must_be_new and path.is_dir():
                raise
            raise UserError(f"cannot create the run folder {path}: {error.strerror or error}") from error
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing run; raises `CheckpointError` when there is none."""
        path = as_path(path)
        if not (path / "config.toml").is_file() or not (path / "model.json").is_file():
            hint = "" if path.exists() else " (there is no such folder)"
            several = members_of(path)
            if several != [path]:
                raise CheckpointError(
                    f"{path} is a folder of several runs: name one of them, such as {several[0]}"
                )
            raise CheckpointError(
                f"{path} is not a run folder{hint}: sma train writes config.toml and model.json into one"
            )
        return cls(path)

    @property
    def checkpoints(self) -> CheckpointStore:
        """The checkpoints of the run."""
        return CheckpointStore(self.path / "checkpoints")

    @property
    def metrics(self) -> Path:
        """Path of the metrics file."""
        return self.path / "metrics.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against training by other processes; raises `UserError` when it is locked."""
        with locked_folder(self.path, "training process"):
            yield

    def _write(self, name: str, text: str) -> None:
        """Write a file atomically; raises `UserError` when it cannot be written."""
        if self.read_only:
            return
        try:
            write_atomically(self.path / name, text)
        except OSError as error:
            raise _cannot_write(self.path / name, error) from error

    def write_config(self, config: BaseModel, precision: str | None = None) -> None:
        """Write all settings to ``config.toml``; ``precision`` is the resolved value of ``auto``."""
        values = dump(config)
        values["data"]["fresh"] = False  # rows are prepared again once, not when the run is resumed
        if precision is not None:
            values["training"]["precision"] = precision
        self._write("config.toml", tomli_w.dumps(values))

    def config(self) -> Values:
        """Return the settings as nested values."""
        return read_toml(self.path / "config.toml")

    def settings(self, model: type[M]) -> M:
        """Return the settings as typed values; raises `ConfigError` when one is unknown or wrong."""
        return resolve(model, [Layer(str(self.path / "config.toml"), self.config())]).config

    def write_record(self, record: RunRecord) -> None:
        """Write ``model.json``."""
        self._write("model.json", record.to_json())

    def record(self) -> RunRecord:
        """Read ``model.json``; raises `CheckpointError` when it is damaged or of a later format."""
        return RunRecord.read(self.path / "model.json")

    def write_results(self, figures: dict[str, Any]) -> None:
        """Write ``results.json``, the figures of a finished training."""
        self._write("results.json", json_text(figures, indent=1) + "\n")

    def write_card(self, text: str) -> None:
        """Write ``README.md``, the card of a finished training."""
        self._write("README.md", "\n".join(message_text(line, LONGEST_LINE) for line in text.split("\n")))

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

    def write_split(self, rows: NDArray[np.int64], parts: Sequence[str]) -> None:
        """Write ``split.csv``: the number of each row in the data, and its part."""
        lines = (f"{row},{part}\n" for row, part in zip(rows.tolist(), parts, strict=True))
        self._write("split.csv", "row,part\n" + "".join(lines))

    def copy_rejected(self, *lists: Path) -> None:
        """Concatenate the lists of rejected rows into the run's ``rejected.jsonl``."""
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
        """Remove temporary files of an interrupted process; the caller holds the lock."""
        remove_temporaries(self.path)


@contextmanager
def locked_folder(folder: Path, process: str) -> Iterator[None]:
    """Lock a folder against other processes of a kind; raises `UserError` when one of them holds the lock."""
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"{folder} is in use by another {process}: wait until it ends, or use another folder (`out`)"
        ) from error
    except OSError as error:
        raise _cannot_write(folder, error) from error
    except NotImplementedError:
        logger.warning(
            "the file system of %s has no locks: make sure that no other %s writes there", folder, process
        )
    try:
        yield
    finally:
        lock.release()


def _has_no_run(folder: Path) -> bool:
    """Return whether ``folder`` has only files that are written before ``model.json``."""
    allowed = {"config.toml", "environment.json", "rejected.jsonl", "split.csv", ".lock"}
    return all(path.name in allowed or is_temporary(path) for path in folder.iterdir())


def _cannot_write(path: Path, error: OSError) -> UserError:
    return UserError(
        f"cannot write {path}: {error.strerror or error}; saved checkpoints are intact: fix that, then continue "
        "with `resume`"
    )


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
