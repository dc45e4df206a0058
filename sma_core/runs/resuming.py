"""Resume a run: find it, merge allowed changes of settings, and restore its newest checkpoint."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from sma_core.config.layers import Layer, Values, flatten, put, resolve
from sma_core.config.settings import Settings
from sma_core.errors import CheckpointError, ConfigError, UserError
from sma_core.paths import as_path
from sma_core.plugins.discovery import PluginPolicy
from sma_core.plugins.registry import Registry
from sma_core.runs.provenance import explain_missing_parts
from sma_core.runs.run_folder import RUNS, RunFolder
from sma_core.runs.settings import Request, requested_settings
from sma_core.training.loop import Trainer
from sma_core.training.reporting.metrics_file import cut_metrics
from sma_core.urls import without_secrets

logger = logging.getLogger("sma")
M = TypeVar("M", bound=Settings)

_CHANGEABLE = (
    *("steps", "epochs", "patience", "evaluate_every", "checkpoint_every", "keep_last", "log_every", "device"),
    *("precision", "strategy", "time_limit", "max_skipped_steps", "milestones", "workers", "tensorboard"),
)
CHANGEABLE = frozenset(f"training.{name}" for name in _CHANGEABLE) | {"baselines", "score_test", "data.fresh"}
"""Settings that may change on resume; all others must equal those of the run, or be left out."""
SOURCE = "data.source"
PRETRAINED = "pretrained"


def find_run(
    resume: str | Path | None,
    verb: str,
    domain: str | None,
    out: Path | None,
    requested: Mapping[str, Any],
) -> RunFolder | None:
    """Return the run to resume, or None to start a new one.

    ``resume`` is None, a run folder, or ``auto``: the run in ``out``, else the newest unfinished run under
    ``runs/`` of this verb and domain whose settings do not conflict with ``requested`` (by dotted name), else
    None. Raises `CheckpointError` when the folder is not a run of this verb.
    """
    if resume is None:
        return None
    if resume != "auto" or (out is not None and (out / "model.json").is_file()):
        run = RunFolder.open(as_path(resume) if resume != "auto" or out is None else out)
        actual = run.record().verb
        if actual != verb:
            raise CheckpointError(
                f"{run.path} was written by sma {actual}: continue with sma {actual} --resume {run.path}"
            )
        return run
    if out is not None:
        return None
    folders = [path for path in RUNS.glob("*") if (path / "model.json").is_file()]
    for path in sorted(folders, key=lambda path: (path / "model.json").stat().st_mtime, reverse=True):
        run = RunFolder(path)
        try:
            record = run.record()
            fits = record.verb == verb and domain in (None, record.domain.name)
            if fits and not record.finished and not conflicting_settings(run, requested):
                return run
        except UserError as error:
            logger.warning("%s; skipping this run", error)
    return None


def conflicting_settings(run: RunFolder, requested: Mapping[str, Any]) -> dict[str, Any]:
    """Return the run's value of each requested setting that differs but may not change."""
    current = dict(flatten(run.config()))
    return {
        setting: current.get(setting)
        for setting, value in requested.items()
        if setting not in CHANGEABLE
        and _as_in_config(current.get(setting)) != _as_in_config(value)
        and not (setting == PRETRAINED and _is_same_run(str(current.get(setting)), str(value)))
    }


def _is_same_run(recorded: str, requested: str) -> bool:
    """Return whether the folder of a pre-trained run was moved or copied: from ``recorded`` to ``requested``.

    Both folders have the same name, and the first no longer exists or has the same record and settings.
    """
    old, new = as_path(recorded), as_path(requested)
    if old.name != new.name or not (new / "model.json").is_file():
        return False
    return not (old / "model.json").is_file() or all(
        (old / name).read_bytes() == (new / name).read_bytes() for name in ("model.json", "config.toml")
    )


def _as_in_config(value: Any) -> Any:  # noqa: ANN401 - a setting may be of any type
    """Return a value in the form of ``config.toml``."""
    if isinstance(value, str):
        return without_secrets(value)
    return "none" if value is None else value


def reopen(run: RunFolder, request: Request, model: type[M], policy: PluginPolicy | None) -> tuple[Registry, M]:
    """Load the domain and the settings of a resumed run, with the allowed changes."""
    record = run.record()
    with explain_missing_parts(run.path, record, policy):
        registry = Registry.load(record.domain.name, policy)
    layer = Layer(str(run.path), resumed_settings(run, requested_settings(request, model)))
    return registry, resolve(model, [layer]).config


def resumed_settings(run: RunFolder, requested: Mapping[str, Any]) -> Values:
    """Return the run's settings with the allowed changes; raises `ConfigError` for other changes."""
    for setting, value in conflicting_settings(run, requested).items():
        raise ConfigError(
            f"{setting!r} is {value!r} in {run.path} and cannot change when a run is resumed; only "
            f"{', '.join(sorted(CHANGEABLE))} can. Start a new run to change other settings"
        )
    values = run.config()
    # the source is the same URL, possibly with new credentials; the pre-trained run may have been moved
    for setting in (CHANGEABLE | {SOURCE, PRETRAINED}) & requested.keys():
        put(values, setting, requested[setting])
    if requested.get("training.epochs") is not None and requested.get("training.steps") is None:
        put(values, "training.steps", "none")
    return values


def restore_newest(trainer: Trainer, run: RunFolder) -> None:
    """Restore the newest complete checkpoint of ``run``, if any, and remove metrics of later steps."""
    ranks = trainer.ranks
    checkpoint = run.checkpoints.latest() if ranks.first else None
    step = int(ranks.broadcast_text(str(checkpoint.step if checkpoint else -1)))
    if step >= 0:
        trainer.restore(checkpoint or run.checkpoints.read(step))
    ranks.barrier()
    if ranks.first:
        run.sweep()
        run.checkpoints.sweep(after=step)
        cut_metrics(run.metrics, step)
