"""The trials of a search, in a file that is rewritten after each: a search goes on wherever it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from sma_core.documents import json_text, parse_record, plain, read_document
from sma_core.errors import CheckpointError, UserError
from sma_core.files import write_atomically

FILE = "search.json"
State = Literal["running", "finished", "stopped"]


@dataclass
class SearchTrial:
    """One fine-tuning: its folder's name, the settings that it varies, and its validation metric.

    ``values`` are the metric after each evaluation. A trial is ``stopped`` when it is worse than others were.
    """

    name: str
    settings: dict[str, Any]
    state: State = "running"
    value: float | None = None
    values: list[float | None] = field(default_factory=list)


@dataclass
class Search:
    """What was requested, and the trials so far."""

    request: dict[str, Any]
    metric: str = ""
    higher_is_better: bool = False
    trials: list[SearchTrial] = field(default_factory=list)

    @classmethod
    def open(cls, folder: Path, request: Mapping[str, Any]) -> Search:
        """Read the search in a folder, or begin one; raises `UserError` when it is another one."""
        file = folder / FILE
        wanted = json.loads(json_text(plain(dict(request))))
        if not file.exists():
            if folder.exists() and any(folder.iterdir()):
                raise UserError(f"{folder} is not empty, and holds no search: pass another folder with `out`")
            return cls(wanted)
        try:
            search = parse_record(read_document(file), cls)
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{file} is damaged ({error}): pass another folder with `out`") from error
        if search.request != wanted:
            raise UserError(f"{folder} holds another search: pass the same options, or another folder with `out`")
        return search

    def write(self, folder: Path) -> None:
        """Write the file; raises `UserError` when it cannot be written."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / FILE, json_text(plain(asdict(self)), indent=1) + "\n")
        except OSError as error:
            raise UserError(f"cannot write {folder / FILE}: {error.strerror or error}") from error

    @property
    def best(self) -> SearchTrial | None:
        """The finished trial with the best metric; None when none has one."""
        known = [trial for trial in self.trials if trial.state == "finished" and trial.value is not None]
        sign = -1.0 if self.higher_is_better else 1.0
        return min(known, key=lambda trial: sign * (trial.value or 0.0), default=None)
