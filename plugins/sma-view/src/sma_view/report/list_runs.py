"""`list_runs`: what runs a folder holds, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sma_core.errors import SmaError, UserError
from sma_core.paths import as_path
from sma_view.report.run_facts import RunFacts

DEEPEST = 4
"""Levels of folders below the given one that are searched."""


@dataclass(frozen=True)
class ListedRun:
    """A run: path, time of its last change, domain, ``train`` or ``finetune``, task, recipe, steps and key figure.

    ``figure`` is the held-out loss under random masks of a pre-training; of a fine-tuning the test metric, or that
    of validation, by which its checkpoint was selected. ``problem`` tells why a run cannot be read.
    """

    path: Path
    changed: str
    domain: str = ""
    verb: str = ""
    task: str = ""
    recipe: str = ""
    step: int = 0
    finished: bool = False
    figure: str = ""
    value: float | None = None
    problem: str = ""


def list_runs(folder: str | Path = "runs") -> list[ListedRun]:
    """Return the runs in a folder and in its folders, newest first; raises `UserError` if there is no folder."""
    root = as_path(folder)
    if not root.is_dir():
        raise UserError(f"there is no folder {root}: name the one that holds your runs")
    folders = [path.parent for depth in range(DEEPEST + 1) for path in root.glob("*/" * depth + "model.json")]
    listed = [_listed(path) for path in folders if (path / "config.toml").is_file()]
    return sorted(listed, key=lambda run: run.changed, reverse=True)


def _listed(path: Path) -> ListedRun:
    latest = max(file.stat().st_mtime for file in path.iterdir())
    changed = datetime.fromtimestamp(latest, UTC).isoformat(timespec="seconds")
    try:
        run = RunFacts.read(path, with_recipe=False)
    except SmaError as error:
        return ListedRun(path, changed, problem=str(error))
    name, value = key_figure(run)
    return ListedRun(
        path=path,
        changed=changed,
        domain=run.record.domain.name,
        verb=run.record.verb,
        task=run.record.task or "",
        recipe=run.recipe,
        step=int(run.results.get("step", run.step)),
        finished=run.record.finished,
        figure=name,
        value=value,
    )


def key_figure(run: RunFacts) -> tuple[str, float | None]:
    """Return the name and the value of the figure by which runs of a kind are compared; None if there is none."""
    if not run.is_finetuned:
        steps, losses = run.curves.get("held_out_random_loss", ([], []))
        return "held-out loss, random masks", losses[-1] if steps else None
    metric = str(run.results.get("metric", ""))
    for part in ("test", "valid"):
        value = (run.results.get(part) or {}).get(metric)
        if value is not None:
            return f"{part} {metric}", float(value)
    return metric, None
