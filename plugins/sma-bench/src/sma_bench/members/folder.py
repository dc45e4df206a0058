"""A folder of several fine-tunings of one request, which can be interrupted and continued.

Each member is an ordinary run. Calling again with the same request trains what is missing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sma_core.documents import json_text, plain
from sma_core.errors import CheckpointError, UserError
from sma_core.files import write_atomically
from sma_core.plugins.discovery import PluginPolicy
from sma_core.runs.member_runs import FILE
from sma_core.runs.run_folder import RUNS
from sma_core.training.reporting.observers import Observer
from sma_core.verbs.finetune import finetune

Settings = Mapping[str, Any]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Member:
    """One run of the folder: its name, and the settings in which it differs from the others."""

    name: str
    settings: Settings


@dataclass(frozen=True)
class Finished:
    """A finished member: its folder and what its ``results.json`` holds."""

    run: Path
    results: Mapping[str, Any]

    @property
    def test(self) -> dict[str, float]:
        """Metrics of the test rows; NaN where undefined."""
        return {name: float("nan") if value is None else value for name, value in self.results["test"].items()}


def train_members(
    domain: str | None,
    kind: str,
    members: Sequence[Member],
    request: Mapping[str, Any],
    out: Path | None,
    observers: Sequence[Observer] = (),
    tell: Tell | None = None,
    policy: PluginPolicy | None = None,
) -> tuple[Path, list[Finished]]:
    """Train the members that are not finished, one after the other, and return their folder and results.

    ``request`` has the arguments of `sma_core.finetune` that all members share. ``out`` None makes a folder under
    ``runs/``. Raises `UserError` when the folder holds runs of another request, and as `sma_core.finetune` does.
    """
    folder = out or new_folder(domain, kind)
    _check_request(folder, domain, kind, members, request)
    finished = []
    for number, member in enumerate(members, start=1):
        run = folder / member.name
        done = results_of(run)
        if done is None:
            if tell is not None:
                tell(f"{kind} {number} of {len(members)}: {run}")
            settings = {**request.get("settings", {}), **member.settings}
            finetune(
                domain,
                **{**request, "settings": settings},
                out=run,
                resume="auto",
                observers=observers,
                policy=policy,
            )
            done = results_of(run)
        assert done is not None, "a finished fine-tuning has results"
        finished.append(Finished(run, done))
    return folder, finished


def new_folder(domain: str | None, kind: str) -> Path:
    """Return a folder under ``runs/`` that does not exist yet."""
    name = f"{Path(domain or 'model').stem}-{kind}-{time.strftime('%Y%m%d-%H%M%S')}"
    folder, number = RUNS / name, 1
    while folder.exists():
        number += 1
        folder = RUNS / f"{name}-{number}"
    return folder


def _check_request(
    folder: Path, domain: str | None, kind: str, members: Sequence[Member], request: Mapping[str, Any]
) -> None:
    """Write what the folder holds, or compare it with what it held; raises `UserError` when they differ."""
    content = {
        "kind": kind,
        "members": [member.name for member in members],
        "request": plain({"domain": domain, **request}),
        "differences": [plain(dict(member.settings)) for member in members],
    }
    text = json_text(content, indent=1) + "\n"
    file = folder / FILE
    try:
        if file.exists():
            if json.loads(file.read_text(encoding="utf-8")) != json.loads(text):
                raise UserError(f"{folder} holds runs of another request: pass another folder with `out`")
            return
        if folder.exists() and any(folder.iterdir()):
            raise UserError(f"{folder} is not empty, and holds no runs of {kind}: pass another folder with `out`")
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text)
    except ValueError as error:
        raise CheckpointError(f"{file} is damaged ({error}): pass another folder with `out`") from error
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from error


def results_of(run: Path) -> Mapping[str, Any] | None:
    """Return the results of a finished run; None when it is not there, or not finished."""
    try:
        record = json.loads((run / "model.json").read_text(encoding="utf-8"))
        results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return results if record.get("finished") and isinstance(results, dict) else None
